import { createServer } from 'node:net';

const chosen = new Set<number>();

/** A port that nobody has now, below those that the system gives to outgoing connections, and never the same twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    // Another file's process looks elsewhere: what is chosen here has no owner until its process has started.
    const port = 10_000 + (process.pid % 44) * 500 + Math.floor(Math.random() * 500);
    if (chosen.has(port)) continue;
    chosen.add(port);
    const isFree = await new Promise<boolean>((settle) => {
      const server = createServer();
      server.once('error', () => settle(false));
      server.listen(port, '127.0.0.1', () => server.close(() => settle(true)));
    });
    if (isFree) return port;
  }
}
