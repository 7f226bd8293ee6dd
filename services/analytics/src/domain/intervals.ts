import type { Interval } from '@stoa/contracts/analytics';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** The start, in UTC, of the interval that an instant lies in. Weeks start on Monday (ISO 8601). */
export function intervalStartMs(instantMs: number, interval: Interval): number {
  if (interval === 'month') {
    const at = new Date(instantMs);
    return Date.UTC(at.getUTCFullYear(), at.getUTCMonth());
  }
  if (interval === 'hour') return instantMs - modulo(instantMs, hourMs);
  const startMs = instantMs - modulo(instantMs, dayMs);
  // 1 January 1970 was a Thursday, three days into its week.
  return interval === 'day' ? startMs : startMs - modulo(startMs / dayMs + 3, 7) * dayMs;
}

/**
 * The starts of every interval that `from` (included) to `to` (excluded) touches, as RFC 3339; undefined when there are more than `pointsMax`.
 */
export function intervalStarts(
  period: { readonly fromMs: number; readonly toMs: number },
  interval: Interval,
  pointsMax: number,
): string[] | undefined {
  const starts: string[] = [];
  for (let at = intervalStartMs(period.fromMs, interval); at < period.toMs; at = nextStartMs(at, interval)) {
    if (starts.length === pointsMax) return undefined;
    starts.push(new Date(at).toISOString());
  }
  return starts;
}

function nextStartMs(startMs: number, interval: Interval): number {
  if (interval === 'hour') return startMs + hourMs;
  if (interval === 'day') return startMs + dayMs;
  if (interval === 'week') return startMs + 7 * dayMs;
  const at = new Date(startMs);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1);
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
