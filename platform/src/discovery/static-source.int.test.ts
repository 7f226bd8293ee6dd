import { deepEqual, equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { describe, test } from 'node:test';
import type { Logger } from '../telemetry/index.ts';
import { createStaticSource } from './static-source.ts';

describe('services that settings name', () => {
  async function listening(port = 0): Promise<Server> {
    const server = createServer((socket) => socket.resume().on('error', () => undefined));
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return server;
  }
  const portOf = (server: Server) => (server.address() as AddressInfo).port;
  const ended = (server: Server) => once(server.close(), 'close');

  function watch(urls: string) {
    const said: string[] = [];
    const waiting: (() => void)[] = [];
    const hear = (fields: { service: string; reason?: string }, text: string) => {
      said.push(`${fields.service}: ${text} (${fields.reason ?? ''})`);
      waiting.shift()?.();
    };
    const source = createStaticSource({
      environment: { STOA_ORDER_URL: urls },
      defaultUrl: () => 'http://127.0.0.1:1',
      log: { info: hear, warn: hear } as unknown as Logger,
      startMs: 0,
    });
    const heard: string[] = [];
    const watching = source.watch('order', (list) => heard.push(...list));
    return { said, heard, watching, next: () => new Promise<void>((resolve) => waiting.push(resolve)) };
  }

  test('are told of when nobody listens for them, and when somebody does at last', async () => {
    const server = await listening();
    const port = portOf(server);
    await ended(server);
    const url = `http://127.0.0.1:${port}`;
    const { said, heard, watching, next } = watch(url);
    deepEqual(heard, [url], 'calls do not wait for it');
    await next();
    match(
      said[0] ?? '',
      /^order: no instance of a service has been found yet \(http:.*:\d+ cannot be reached \(ECONNREFUSED\)\)$/,
    );
    const found = next();
    const late = await listening(port);
    await found;
    deepEqual(said.slice(1), ['order: instances of a service are found again ()']);
    equal(watching.problem(), undefined);
    watching.stop();
    await ended(late);
  });

  test('are no news while one of their replicas is there', async () => {
    const server = await listening();
    const { said, watching } = watch(`http://127.0.0.1:1,http://127.0.0.1:${portOf(server)}`);
    const [socket] = await once(server, 'connection');
    // It is closed by whoever knocked, who has then heard that somebody is there.
    await once(socket, 'close');
    watching.stop();
    deepEqual(said, []);
    await ended(server);
  });
});
