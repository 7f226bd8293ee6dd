import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { anyone, contract, operation, strict, Type } from '../schema/index.ts';
import { defineService, type Service } from '../service/index.ts';
import { newTraceparent } from '../telemetry/index.ts';
import { sampleService } from '../testing/index.ts';
import { type HostedHttp, hostHttp, sse } from './index.ts';

const big = 'x'.repeat(8_000_000);
const longMs = 20_000;

const definition = contract({
  service: 'sample',
  operations: {
    getBig: operation({
      method: 'GET',
      path: '/big',
      summary: 'More than fits on the way',
      access: anyone,
      answer: strict({ text: Type.String() }),
    }),
    take: operation({
      method: 'POST',
      path: '/taken',
      summary: 'Takes a text',
      access: anyone,
      body: strict({ text: Type.String() }),
    }),
    watch: operation({
      method: 'GET',
      path: '/watch',
      summary: 'Events, once it is let',
      access: anyone,
      streams: 'text/event-stream',
    }),
  },
  events: {},
  commands: {},
  errors: {},
});

describe('a service that stops', () => {
  let hosted: HostedHttp;
  let port = 0;
  let taken: string[] = [];
  let watching: () => void;
  let letWatch: Promise<void>;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    taken = [];
    const sample = defineService<unknown>({
      name: 'sample',
      contract: definition,
      routes: {
        getBig: async () => ({ body: { text: big } }),
        take: async ({ body }: { body: { text: string } }) => {
          taken.push(body.text);
          return {};
        },
        watch: async (call: { signal: AbortSignal }) => {
          watching();
          await letWatch;
          return sse(call, never(call.signal));
        },
      } as never,
    });
    hosted = await hostHttp(sample, sampleService as Service<unknown>, { log: sampleService.log });
    port = Number(new URL((await hosted.listen({ host: '127.0.0.1', port: 0 })).url).port);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await hosted.close(0);
  });

  async function say(text: string, to = port): Promise<Socket> {
    const socket = connect(to, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  }

  async function heard(socket: Socket): Promise<string> {
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.resume();
    await once(socket, 'close');
    return text;
  }

  /** What it answers is on its way. */
  const close = () => hosted.close(Date.now() + longMs);

  test('waits for an answer until its reader has it', async () => {
    const socket = await say('GET /big HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(socket, 'readable');
    const closed = close();
    // It would be cut off in this time.
    await sleep(100);
    const text = await heard(socket);
    await closed;
    ok(text.endsWith(`${big}"}`), `${text.length} characters came`);
  });

  test('waits for a body that is under way, and answers it', async () => {
    const body = JSON.stringify({ text: 'tea' });
    const head = `POST /taken HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    const socket = await say(head + body.slice(0, 5));
    // An answer on another connection: the first request has been read by then.
    await fetch(`http://127.0.0.1:${port}/none`);
    const closed = close();
    await sleep(100);
    socket.write(body.slice(5));
    const text = await heard(socket);
    await closed;
    deepEqual([text.split('\r\n', 1)[0], taken], ['HTTP/1.1 204 No Content', ['tea']]);
  });

  test('ends a stream that begins while it stops', async () => {
    const { promise: looks, resolve } = Promise.withResolvers<void>();
    const hold = Promise.withResolvers<void>();
    watching = resolve;
    letWatch = hold.promise;
    const socket = await say('GET /watch HTTP/1.1\r\nhost: a\r\n\r\n');
    await looks;
    const closed = close().then(() => 'closed');
    hold.resolve();
    await heard(socket);
    equal(await Promise.race([closed, sleep(longMs / 2, 'still open', { ref: false })]), 'closed');
  });
});

test('a request that was answered before its body had come is not carried out', async () => {
  const taken: string[] = [];
  const take = async ({ body }: { body: { text: string } }) => {
    taken.push(body.text);
    return {};
  };
  const { take: operationOfIt } = definition.operations;
  const hosted = await hostHttp(
    defineService<unknown>({
      name: 'sample',
      contract: { ...definition, operations: { take: operationOfIt } },
      routes: { take } as never,
    }),
    sampleService as Service<unknown>,
    { log: sampleService.log },
  );
  const cause = { correlationId: 'test', traceparent: newTraceparent() };
  const gateway = createServer((request, response) => {
    const rest = { principal: { kind: 'anonymous' }, requestId: 'r', clientAddress: '127.0.0.1' } as const;
    hosted.handle(request, response, { ...rest, cause, deadlineMs: Date.now() + longMs });
    if (request.headers['x-late']) response.writeHead(408, { connection: 'close' }).flushHeaders();
    request.once('end', () => response.headersSent && response.end());
  });
  await once(gateway.listen(0, '127.0.0.1'), 'listening');
  const { port } = gateway.address() as AddressInfo;
  const post = async (headers: string) => {
    const body = JSON.stringify({ text: headers });
    const socket = connect(port, '127.0.0.1');
    const head = `POST /taken HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`;
    socket.write(`${head}${headers}\r\nconnection: close\r\n\r\n${body.slice(0, 5)}`);
    if (headers.startsWith('x-late')) await once(socket, 'data');
    socket.write(body.slice(5));
    socket.resume();
    await once(socket, 'close');
  };
  try {
    await post('x-late: 1');
    await post('x-well: 1');
    deepEqual(taken, ['x-well: 1']);
  } finally {
    gateway.close();
    await hosted.close(0);
  }
});

async function* never(signal: AbortSignal) {
  yield { event: 'tea', data: {} };
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
