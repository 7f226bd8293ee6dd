import type { Addition, SharedCounters } from '@stoa/platform/cache';
import type { Window, Windows } from './windows.ts';

const tellEveryMs = 100;
/** What is told in one round trip: Redis does nothing else meanwhile. */
const keysAtOnce = 500;
const untoldMax = 50_000;

export interface SharedWindowsOptions {
  readonly counters: SharedCounters;
  readonly windowMs: number;
  readonly nowMs: () => number;
}

/**
 * Windows that several gateways count in together. Each decides by what it knows, tells what it has counted and learns where all stand. While the
 * shared counters are away each counts alone, and tells the rest when they are back.
 */
export class SharedWindows {
  readonly #windows: Windows;
  readonly #options: SharedWindowsOptions;
  /** Counts that nobody else knows of, by key. */
  readonly #untold = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(windows: Windows, options: SharedWindowsOptions) {
    this.#windows = windows;
    this.#options = options;
  }

  /** Counts one request by what is known here. */
  take(key: string, quota: number, nowMs: number): Window {
    const window = this.#windows.take(key, quota, nowMs);
    if (!window.exceeded) this.#tellLater(key, 1);
    return window;
  }

  /** Whether the next request would be too many, by what is known here. Counts nothing. */
  exhausted(key: string, quota: number, nowMs: number): Window {
    return this.#windows.exhausted(key, quota, nowMs);
  }

  /** Counts one request where all count; alone when that cannot be reached. */
  async takeExactly(key: string, quota: number): Promise<Window> {
    const { counters, windowMs, nowMs } = this.#options;
    const before = this.#windows.exhausted(key, quota, nowMs());
    if (before.exceeded) return before;
    const { used: known, resetInMs } = this.#windows.counted(key, nowMs()) ?? { used: 0, resetInMs: windowMs };
    const count = await counters.take({ key, known, resetInMs }, quota);
    if (count === undefined) return this.take(key, quota, nowMs());
    this.#windows.learn(key, count, nowMs());
    return { ...this.#windows.exhausted(key, quota, nowMs()), exceeded: count.exceeded };
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#tell();
    clearTimeout(this.#timer);
  }

  #tellLater(key: string, count: number): void {
    const untold = this.#untold.get(key);
    if (untold === undefined && this.#untold.size >= untoldMax) return;
    this.#untold.set(key, (untold ?? 0) + count);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#tell();
    }, tellEveryMs).unref();
  }

  async #tell(): Promise<void> {
    const { counters, nowMs } = this.#options;
    const counts = [...this.#untold];
    this.#untold.clear();
    for (let at = 0; at < counts.length; at += keysAtOnce) {
      const additions = this.#additionsOf(counts.slice(at, at + keysAtOnce));
      if (additions.length === 0) continue;
      const answer = await counters.add(additions);
      // It may have arrived although no answer did: then it is counted twice, which refuses some too early and nobody too late.
      if (answer === undefined) for (const { key, added } of additions) this.#tellLater(key, added);
      else
        additions.forEach(({ key }, index) => {
          const { used, resetInMs } = answer[index] as { used: number; resetInMs: number };
          this.#windows.learn(key, { used: used + (this.#untold.get(key) ?? 0), resetInMs }, nowMs());
        });
    }
  }

  /** Counts of windows that have ended are of no more use. */
  #additionsOf(counts: readonly (readonly [key: string, added: number])[]): Addition[] {
    const nowMs = this.#options.nowMs();
    return counts.flatMap(([key, added]) => {
      const window = this.#windows.counted(key, nowMs);
      return window ? [{ key, added, known: window.used, resetInMs: window.resetInMs }] : [];
    });
  }
}
