import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A way to an HTTP server on which answers are noted. */
export interface CountingProxy {
  readonly url: string;
  /** When each answer had come, and to which path and query it was. */
  readonly answers: readonly { readonly path: string; readonly atMs: number }[];
  close(): Promise<void>;
}

/** Opens a port of this machine that leads to an HTTP server. */
export async function openCountingProxy(target: string): Promise<CountingProxy> {
  const answers: { path: string; atMs: number }[] = [];
  const server = createServer((near, response) => {
    const { method, headers, url: path = '' } = near;
    const far = request(new URL(path, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.once('end', () => answers.push({ path, atMs: performance.now() })).pipe(response);
    });
    far.once('error', () => response.destroy());
    response.once('close', () => far.destroy());
    near.pipe(far);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
