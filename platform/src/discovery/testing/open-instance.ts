import { once } from 'node:events';
import { createServer } from 'node:http';

/** What answers a registry's probes as an instance of a service does. */
export interface TestInstance {
  readonly url: string;
  readonly port: number;
  isReady: boolean;
  close(): Promise<void>;
}

/** Opens an instance; on a free port unless one is named. */
export async function openInstance(port = 0): Promise<TestInstance> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/health/ready' && instance.isReady ? 200 : 503).end();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const taken = (server.address() as { port: number }).port;
  const instance: TestInstance = {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    isReady: true,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return instance;
}
