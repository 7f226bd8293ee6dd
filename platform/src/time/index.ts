/** Where the time comes from: injected, so that rules and tests decide what "now" is. */
export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** The same instant as RFC 3339 text in UTC, with milliseconds. */
  now(): string;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  now: () => new Date().toISOString(),
};

/** A clock that stands still until it is moved. For tests. */
export function fakeClock(start: string): Clock & { advance(ms: number): void } {
  let nowMs = Date.parse(start);
  return {
    nowMs: () => nowMs,
    now: () => new Date(nowMs).toISOString(),
    advance(ms) {
      nowMs += ms;
    },
  };
}
