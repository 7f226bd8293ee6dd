import { refusal } from '@stoa/platform/errors';

/** A stretch of time as it was asked for: `from` included, `to` excluded, open where absent. */
export interface PeriodQuery {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** The same for statements: null where open. */
export interface Period {
  readonly from: string | null;
  readonly to: string | null;
}

const dayMs = 86_400_000;
const daysUnlessGiven = 30;
/** The last that RFC 3339 can write. */
const lastInstantMs = Date.parse('9999-12-31T23:59:59.999Z');

/** Refuses a period that ends before it begins. */
export function readPeriod({ from, to }: PeriodQuery): Period {
  if (from !== undefined && to !== undefined && Date.parse(from) >= Date.parse(to)) {
    throw refusal('request.invalid', 'The period ends before it begins.', {
      errors: [{ path: '/query/to', message: 'must be after from' }],
    });
  }
  return { from: from ?? null, to: to ?? null };
}

/** A period with both ends: up to now, and the 30 days before its end, unless given. */
export function closedPeriod(
  query: PeriodQuery,
  nowMs: number,
): { from: string; to: string; fromMs: number; toMs: number } {
  const soonestMs = Math.max(nowMs, query.from === undefined ? nowMs : Date.parse(query.from) + 1);
  const to = query.to ?? new Date(Math.min(soonestMs, lastInstantMs)).toISOString();
  const from = query.from ?? new Date(Math.max(0, Date.parse(to) - daysUnlessGiven * dayMs)).toISOString();
  readPeriod({ from, to });
  return { from, to, fromMs: Date.parse(from), toMs: Date.parse(to) };
}
