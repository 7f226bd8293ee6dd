import { setTimeout as pause } from 'node:timers/promises';

/** Waits until something holds, and fails with what was seen last when it never does. */
export async function until<T>(look: () => T | Promise<T>, holds: (seen: T) => boolean, withinMs = 15_000): Promise<T> {
  for (const endMs = performance.now() + withinMs; ; await pause(20)) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > endMs) throw new Error(`it never came to hold; seen last: ${JSON.stringify(seen)}`);
  }
}
