import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fault } from '../errors/index.ts';
import type { Metrics } from './metrics.ts';

export interface ServeMetricsOptions {
  readonly host?: string;
  readonly port: number;
  /** Sees each request first; true when it has answered it (health probes). */
  readonly first?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/**
 * Serves `/metrics` on a port of its own, which is for the operators' network only: loopback unless told otherwise. Port 0 takes a free one.
 *
 * @throws AppError `config.invalid` when the port is taken
 */
export async function serveMetrics(
  metrics: Metrics,
  { host = '127.0.0.1', port, first }: ServeMetricsOptions,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (first?.(request, response)) return;
    if (request.url !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404).end();
      return;
    }
    metrics.text().then(
      (text) => response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        fault(
          'config.invalid',
          `STOA_METRICS_PORT: cannot listen on ${host}:${port}: choose another, or 0 for a free one.`,
          {
            cause,
          },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${taken}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
