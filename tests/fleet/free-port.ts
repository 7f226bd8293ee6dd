import { createServer } from 'node:net';

const chosen = new Set<number>();
const lanesMax = 4;
const portsOfALane = 22_000 / lanesMax;
/** Files that run side by side look in different places: what is chosen has no owner until its process has started. */
const first = 10_000 + (Number(process.env.TEST_LANE ?? 0) % lanesMax) * portsOfALane;

/** A port that nobody has now, below those that the system gives to outgoing connections, and never the same twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + Math.floor(Math.random() * portsOfALane);
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
