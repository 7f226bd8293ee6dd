import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { until } from '../shop.ts';
import { openTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const slowMs = 300;

describe('a line to a server on a bad network', () => {
  let server: Server;
  let proxy: TcpProxy;
  let ends: End[];

  beforeEach(async () => {
    ends = [];
    server = createServer({ allowHalfOpen: true }, (socket) => void ends.push(new End(socket)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    proxy = await openTcpProxy({ host: '127.0.0.1', port: (server.address() as { port: number }).port });
  });
  afterEach(async () => {
    await proxy.close();
    for (const { socket } of ends) socket.destroy();
    server.close();
  });

  /** A connection through the proxy: its two ends. Waits for the server's unless nothing gets there. */
  async function open(): Promise<[End, End]> {
    const known = ends.length;
    const near = new End(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }));
    await until(
      async () => ends[known],
      (far) => far !== undefined,
    );
    return [near, ends[known] as End];
  }
  /** What has been sent before it has arrived by then, if it arrives at all. */
  async function goneBy(): Promise<void> {
    const counter = createServer((socket) => void socket.end());
    await once(counter.listen(0, '127.0.0.1'), 'listening');
    for (let round = 0; round < 5; round++)
      await once(connect((counter.address() as { port: number }).port).resume(), 'close');
    counter.close();
  }

  it('carries what both sides say, and the end of it one way at a time', async () => {
    const [near, far] = await open();
    near.socket.end('hello');
    await far.has('hello', 'ended');
    far.socket.end('bye');
    await near.has('bye', 'ended');
    assert.equal(proxy.carried, 'hellobye'.length);
    assert.equal(proxy.held, 0);
  });

  it('lets nothing through while it is a hole, no end and no reset; each side goes on believing in the other', async () => {
    const [ending, endingFar] = await open();
    const [resetting, resettingFar] = await open();
    proxy.blackhole();
    ending.socket.end('hello');
    resetting.socket.resetAndDestroy();
    await until(
      async () => proxy.held,
      (held) => held >= 'hello'.length + 2,
    );
    await goneBy();
    assert.deepEqual([endingFar.state, resettingFar.state], [open0, open0]);
    proxy.pass();
    await endingFar.has('hello', 'ended');
    await resettingFar.has('', 'broken');
  });

  it('takes connections while it is a hole, and looks for the server when it is none any more', async () => {
    proxy.blackhole();
    const near = new End(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }));
    near.socket.write('hello');
    await until(
      async () => proxy.held,
      (held) => held === 'hello'.length + 1,
    );
    await goneBy();
    assert.equal(ends.length, 0);
    proxy.pass();
    await until(
      async () => ends.length,
      (count) => count === 1,
    );
    await ends[0]?.has('hello', 'open');
  });

  it('that becomes slow brings what it has held, late', async () => {
    const [near, far] = await open();
    proxy.blackhole();
    near.socket.write('held ');
    await until(
      async () => proxy.held,
      (held) => held > 0,
    );
    const startedMs = performance.now();
    proxy.slow(slowMs);
    near.socket.write('slowed');
    await far.has('held slowed', 'open');
    assert.ok(performance.now() - startedMs >= slowMs);
    assert.equal(proxy.slowed, 'slowed'.length);
  });

  it('that has forgotten a connection leaves both sides with half of one, and carries new ones', async () => {
    const [near, far] = await open();
    proxy.strand();
    near.socket.end('hello');
    const [newNear, newFar] = await open();
    newNear.socket.write('new');
    await newFar.has('new', 'open');
    await goneBy();
    proxy.pass();
    await goneBy();
    assert.deepEqual(far.state, open0);
  });

  it('that is cut breaks what is connected and refuses what comes', async () => {
    const [near, far] = await open();
    proxy.cut();
    await near.has('', 'broken');
    await far.has('', 'broken');
    const refused = new End(connect(proxy.port, '127.0.0.1'));
    await refused.has('', 'broken');
    proxy.pass();
    await open();
  });
});

/** One side of a connection, and what it has heard of the other. */
class End {
  readonly socket: Socket;
  readonly state = { heard: '', is: 'open' };

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.state.heard += chunk;
    });
    socket.on('end', () => {
      this.state.is = 'ended';
    });
    socket.on('error', () => {
      this.state.is = 'broken';
    });
  }

  async has(heard: string, is: 'open' | 'ended' | 'broken'): Promise<void> {
    await until(
      async () => this.state,
      (state) => state.heard === heard && state.is === is,
    );
  }
}

const open0 = { heard: '', is: 'open' };
