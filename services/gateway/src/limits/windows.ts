/** How much of a quota is left, and for how long it has to last. */
export interface Window {
  readonly remaining: number;
  readonly resetS: number;
  readonly exceeded: boolean;
}

interface Counter {
  used: number;
  resetAtMs: number;
}

/**
 * Counts requests by key in windows of one minute, each beginning with its key's first request: after `quota` requests the next is too
 * many until the window ends, which is what the headers promise. A counter costs the same whatever it counts; past `keysMax` the oldest go.
 */
export class Windows {
  readonly #counters = new Map<string, Counter>();
  readonly #keysMax: number;
  readonly #windowMs: number;

  constructor({ keysMax = 50_000, windowMs = 60_000 }: { keysMax?: number; windowMs?: number } = {}) {
    this.#keysMax = keysMax;
    this.#windowMs = windowMs;
  }

  get size(): number {
    return this.#counters.size;
  }

  /** Counts one request, unless the quota is used up. */
  take(key: string, quota: number, nowMs: number): Window {
    const counter = this.#current(key, nowMs);
    const exceeded = counter.used >= quota;
    if (!exceeded) counter.used++;
    return windowOf(counter, quota, nowMs, exceeded);
  }

  /** Whether the next request would be too many. Counts nothing. */
  exhausted(key: string, quota: number, nowMs: number): Window {
    const counter = this.#counters.get(key);
    if (counter === undefined || this.#ended(counter, nowMs)) return { remaining: quota, resetS: 0, exceeded: false };
    return windowOf(counter, quota, nowMs, counter.used >= quota);
  }

  /** What has been counted in the window that runs; undefined when none does. */
  counted(key: string, nowMs: number): { readonly used: number; readonly resetInMs: number } | undefined {
    const counter = this.#counters.get(key);
    if (counter === undefined || this.#ended(counter, nowMs)) return undefined;
    return { used: counter.used, resetInMs: counter.resetAtMs - nowMs };
  }

  /** Takes over what is counted elsewhere, and the window that it is counted in. Nothing counted here is forgotten. */
  learn(key: string, count: { readonly used: number; readonly resetInMs: number }, nowMs: number): void {
    const counter = this.#current(key, nowMs);
    counter.used = Math.max(counter.used, count.used);
    counter.resetAtMs = nowMs + Math.min(Math.max(count.resetInMs, 0), this.#windowMs);
  }

  #current(key: string, nowMs: number): Counter {
    const known = this.#counters.get(key);
    if (known !== undefined && !this.#ended(known, nowMs)) return known;
    // Deleted first, so that the map stays in the order in which windows end, give or take what was learnt of others.
    this.#counters.delete(key);
    const counter = { used: 0, resetAtMs: nowMs + this.#windowMs };
    this.#counters.set(key, counter);
    this.#makeRoom(nowMs);
    return counter;
  }

  /** A clock set back must not make a window last longer than one. */
  #ended(counter: Counter, nowMs: number): boolean {
    return counter.resetAtMs <= nowMs || counter.resetAtMs > nowMs + this.#windowMs;
  }

  /** Two out for one in: old windows vanish while new ones come, at a fixed cost. */
  #makeRoom(nowMs: number): void {
    let looked = 0;
    for (const [key, counter] of this.#counters) {
      const full = this.#counters.size > this.#keysMax;
      if (looked++ >= 2 || (!full && !this.#ended(counter, nowMs))) return;
      this.#counters.delete(key);
    }
  }
}

function windowOf(counter: Counter, quota: number, nowMs: number, exceeded: boolean): Window {
  return {
    remaining: Math.max(0, quota - counter.used),
    resetS: Math.max(1, Math.ceil((counter.resetAtMs - nowMs) / 1000)),
    exceeded,
  };
}
