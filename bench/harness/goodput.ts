/** A part of a run in which something was away: all times in milliseconds since the epoch. */
export interface Outage {
  readonly hurtAtMs: number;
  /** When it answered again. */
  readonly backAtMs: number;
  readonly endAtMs: number;
}

export interface Recovery {
  /** Good answers a second before the blow. */
  readonly before: number;
  /** Good answers in each second after the blow. */
  readonly series: readonly number[];
  /** From the return to the end of the first window that was good enough and after which the next was too: at least the window; undefined when none was. */
  readonly afterMs: number | undefined;
}

const steadyMs = 8_000;
const windowMs = 2_000;
const stepMs = 100;
const goodShare = 0.95;

/**
 * How fast good answers came back: the first window of two seconds after the return that holds 95 % of what such a window held before. The next two seconds must
 * hold that too, since what has waited may be answered in a burst.
 */
export function recoveryOf(goodAtMs: readonly number[], { hurtAtMs, backAtMs, endAtMs }: Outage): Recovery {
  const between = (from: number, to: number) => goodAtMs.filter((at) => at >= from && at < to).length;
  const before = between(hurtAtMs - steadyMs, hurtAtMs) / (steadyMs / 1_000);
  const enough = before * (windowMs / 1_000) * goodShare;
  const isGood = (from: number) => between(from, from + windowMs) >= enough;
  let afterMs: number | undefined;
  for (let from = backAtMs; afterMs === undefined && from + 2 * windowMs <= endAtMs; from += stepMs)
    if (isGood(from) && isGood(from + windowMs)) afterMs = from + windowMs - backAtMs;
  const series: number[] = [];
  for (let from = hurtAtMs; from + 1_000 <= endAtMs; from += 1_000) series.push(between(from, from + 1_000));
  return { before, series, afterMs };
}
