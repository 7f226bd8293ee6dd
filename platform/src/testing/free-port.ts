import { isPortFree } from '../embedded/index.ts';

/**
 * Below those that systems give to outgoing connections: somebody's connection would take a port of theirs while its owner is not up, and a client that
 * asks there again and again would even end by talking to itself. Below those of the embedded PostgreSQL too, which looks for its own.
 */
const first = 10_000;
const end = 20_000;
const lanesMax = 4;
const portsOfALane = (end - first) / lanesMax;
/** Files that run side by side look in different places: what is chosen has no owner until its process has started. */
const firstOfLane = first + (Number(process.env.TEST_LANE ?? 0) % lanesMax) * portsOfALane;
const chosen = new Set<number>();

/** A port of the loopback that nobody has now, never the same twice in a process. What is to listen there may be stopped and started again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstOfLane + Math.floor(Math.random() * portsOfALane);
    if (chosen.has(port)) continue;
    chosen.add(port);
    if (await isPortFree(port)) return port;
  }
}
