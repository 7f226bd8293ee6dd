import { type BulkheadPolicy, bulkhead } from 'cockatiel';
import { fault, findAppError } from '../errors/index.ts';
import { type Attempt, TimedAttempt } from './attempt.ts';
import { type Breaker, Broken, isFailure } from './breaker.ts';
import { wasNotBegun } from './not-begun.ts';
import type { RetryBudget } from './retry-budget.ts';

export interface RunOptions {
  /** Milliseconds since the epoch after which the outcome is of no use; may be infinite. */
  readonly deadlineMs: number;
  /** Whether doing it twice does no more than doing it once. */
  readonly idempotent: boolean;
}

/** How calls to one operation are guarded. */
export interface OperationPolicy {
  /**
   * Bulkhead, the whole time, retries, circuit breaker, the time of a try: in this order, as Polly has them.
   *
   * Work fails by throwing. Refusals (AppErrors of that kind) are answers: passed on, not repeated. Faults and everything else are failures, repeated if
   * `idempotent` or marked by `notBegun`, while there is time and budget, after the error's own `retryAfterS` if it has one.
   *
   * @throws AppError fault `service.unavailable` at once when too many calls are under way or the operation keeps failing; else what the last try threw
   */
  run<T>(work: (attempt: Attempt) => Promise<T>, how: RunOptions): Promise<T>;
}

export interface PolicyParts {
  readonly service: string;
  readonly operation: string;
  readonly attemptsMax: number;
  /** Milliseconds of a try of what may be repeated. What may not has the whole time. */
  readonly attemptTimeoutMs: number;
  /** A try with less than this left says nothing about whom it asks when it is not answered in time. */
  readonly fairMs: number;
  readonly concurrentMax: number;
  readonly budget: RetryBudget;
  readonly breaker: Breaker;
  readonly hear: PolicyListener;
  readonly isClosed: () => boolean;
  /** Random numbers from 0 to 1. */
  readonly random: () => number;
}

/** Hears what a policy does. */
export interface PolicyListener {
  retried(reason: 'failed' | 'not-begun'): void;
  rejected(reason: 'bulkhead' | 'breaker' | 'budget'): void;
}

const waitMsFirst = 50;
const waitMsMax = 2_000;
/** A try that cannot even be sent is worth no time. */
const roomMsMin = 10;
/** Calls that nobody began may be sent this often, whatever the operation says about tries. */
const sendsMax = 3;

export class GuardedOperation implements OperationPolicy {
  readonly #parts: PolicyParts;
  readonly #bulkhead: BulkheadPolicy;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
    this.#bulkhead = bulkhead(parts.concurrentMax);
  }

  run<T>(work: (attempt: Attempt) => Promise<T>, how: RunOptions): Promise<T> {
    const { service, operation, concurrentMax, hear } = this.#parts;
    if (this.#bulkhead.executionSlots === 0) {
      hear.rejected('bulkhead');
      const detail = `${concurrentMax} calls of ${service} ${operation} are under way already.`;
      return Promise.reject(fault('service.unavailable', detail, { retryAfterS: 1 }));
    }
    return this.#bulkhead.execute(() => this.#try(work, how));
  }

  async #try<T>(work: (attempt: Attempt) => Promise<T>, how: RunOptions): Promise<T> {
    const { breaker, budget } = this.#parts;
    for (let number = 1; ; number++) {
      const attempt = new TimedAttempt(number, this.#attemptDeadline(how));
      try {
        const isHurried = attempt.deadlineMs - Date.now() < this.#parts.fairMs;
        const call = () => {
          if (number === 1) budget.called();
          return work(attempt);
        };
        return await breaker.run(call, isHurried);
      } catch (error) {
        if (error instanceof Broken) throw this.#broken();
        const waitMs = this.#waitBeforeNext(error, number, how);
        if (waitMs === undefined) throw error;
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      } finally {
        attempt.end();
      }
    }
  }

  #attemptDeadline({ deadlineMs, idempotent }: RunOptions): number {
    return idempotent ? Math.min(deadlineMs, Date.now() + this.#parts.attemptTimeoutMs) : deadlineMs;
  }

  #broken() {
    const { service, operation, breaker, hear } = this.#parts;
    hear.rejected('breaker');
    const detail = `${service} ${operation} keeps failing; it is not called for a moment.`;
    return fault('service.unavailable', detail, { retryAfterS: Math.max(1, Math.ceil(breaker.waitMs / 1000)) });
  }

  /** Milliseconds until the next try; undefined when there is none. */
  #waitBeforeNext(error: unknown, number: number, { deadlineMs, idempotent }: RunOptions): number | undefined {
    const { attemptsMax, budget, hear, isClosed, random } = this.#parts;
    const isUnsent = wasNotBegun(error);
    const isEcho = isOwnEcho(error, number);
    if (isClosed() || !(isUnsent || (idempotent && (isFailure(error) || isEcho)))) return undefined;
    // A holder that has died keeps its key for longer than the tries last; until then the callee only says so.
    if (!isEcho && number >= (isUnsent ? Math.max(attemptsMax, sendsMax) : attemptsMax)) return undefined;
    // Full jitter: callers that failed together must not come back together.
    const jitterMs = random() * Math.min(waitMsFirst * 2 ** number, waitMsMax);
    const askedMs = isUnsent ? 0 : (findAppError(error)?.retryAfterS ?? 0) * 1000;
    // Another replica may take at once what this one has not begun.
    const waitMs = isUnsent && number === 1 ? 0 : Math.max(jitterMs, askedMs);
    if (Date.now() + waitMs + roomMsMin >= deadlineMs) return undefined;
    if (!isUnsent && !isEcho && !budget.take()) {
      hear.rejected('budget');
      return undefined;
    }
    hear.retried(isUnsent ? 'not-begun' : 'failed');
    return waitMs;
  }
}

/** The try before is still being carried out under the same key: its answer can be fetched in a moment. */
function isOwnEcho(error: unknown, number: number): boolean {
  return number > 1 && findAppError(error)?.code === 'idempotency.in-progress';
}
