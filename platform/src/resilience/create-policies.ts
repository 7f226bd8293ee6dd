import type { Logger } from 'pino';
import { timeoutMsDefault } from '../http/index.ts';
import type { Operation } from '../schema/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import { GuardedOperation, type OperationPolicy, type PolicyListener } from './operation-policy.ts';
import { RetryBudget } from './retry-budget.ts';

export interface PoliciesOptions {
  /** Who calls, for the log. */
  readonly caller: string;
  readonly metrics?: Metrics;
  readonly log?: Logger;
  /** Random numbers from 0 to 1, for the jitter; the machine's unless given. */
  readonly random?: () => number;
}

/** The policies of one process. */
export interface Policies {
  /** The policy of an operation: always the same one, however often it is asked for. */
  of(service: string, operationName: string, operation: Operation): OperationPolicy;
  /**
   * Counts what is guarded in another way than by `of`, because it has no promise for each call: under the same names, with the breaker that it has.
   * To be called once for an operation.
   */
  listen(service: string, operationName: string, breaker: () => BreakerState): PolicyListener;
  /** Counts an answer in place of which the caller was given the operation's fallback. */
  fellBack(service: string, operationName: string): void;
  /** From now on nothing is tried again, so that what is under way ends soon. */
  close(): void;
}

const attemptsMaxDefault = 3;
// As many as a crowd of buyers needs of one operation at once; a callee that hangs is stopped by the breaker long before.
const concurrentMaxDefault = 2_048;
const attemptShare = 0.4;
const stateValues: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 };

const fairMsMax = 500;

/**
 * The time that a call needs to have left for its silence to say something of whoever is called.
 *
 * @param limitMs how long its operation may take, in milliseconds
 */
export function fairMsOf(limitMs: number): number {
  return Math.min(fairMsMax, limitMs / 2);
}

/**
 * Makes policies as the contracts declare them. Bulkhead and breaker are per operation: one that is broken or slow must not take its siblings with it,
 * and a service that is gone fails all of them, each in its own few calls. (A single replica that is gone is the business of discovery.) The retry budget
 * is per service, because what it protects is the service.
 */
export function createPolicies(options: PoliciesOptions): Policies {
  const { caller, log, metrics, random = Math.random } = options;
  const policies = new Map<string, OperationPolicy>();
  const breakers: { service: string; operation: string; state: () => BreakerState }[] = [];
  const budgets = new Map<string, RetryBudget>();
  let closed = false;

  const labels = ['service', 'operation', 'reason'];
  const retries = metrics?.counter('stoa_client_retries_total', 'Calls tried again, by why', labels);
  const rejections = metrics?.counter(
    'stoa_client_rejections_total',
    'Calls not made and retries not granted: too many at a time (bulkhead), failing (breaker), too many retries (budget)',
    labels,
  );
  const fallbacks = metrics?.counter(
    'stoa_client_fallbacks_total',
    'Answers that could not be had, in place of which the fallback of the contract was taken',
    ['service', 'operation'],
  );
  metrics?.gauge(
    'stoa_client_breaker_state',
    'Whether an operation is called: 0 closed (it is), 1 half open (one call tries it), 2 open (it is not)',
    ['service', 'operation'],
    () =>
      breakers
        .map(({ service, operation, state }) => ({ labels: { service, operation }, value: stateValues[state()] }))
        // Of two for one operation the last that is told holds: it is not called by somebody.
        .sort((a, b) => a.value - b.value),
  );

  function listen(service: string, operation: string, state: () => BreakerState): PolicyListener {
    breakers.push({ service, operation, state });
    return {
      retried(reason) {
        retries?.({ service, operation, reason });
        log?.debug({ caller, callee: service, operation, reason }, 'a call is tried again');
      },
      rejected: (reason) => rejections?.({ service, operation, reason }),
    };
  }

  function make(service: string, name: string, operation: Operation): OperationPolicy {
    const budget = budgets.get(service) ?? new RetryBudget();
    budgets.set(service, budget);
    const breaker = new Breaker(tellChanges({ ...options, service, operation: name }));
    const hear = listen(service, name, () => breaker.state);
    const attemptTimeoutMs = operation.policy?.attemptTimeoutMs ?? attemptTimeoutOf(operation);
    const limitMs = Math.min(attemptTimeoutMs, operation.timeoutMs ?? timeoutMsDefault);
    return new GuardedOperation({
      service,
      operation: name,
      attemptsMax: operation.policy?.attemptsMax ?? attemptsMaxDefault,
      attemptTimeoutMs,
      fairMs: fairMsOf(limitMs),
      concurrentMax: operation.policy?.concurrentMax ?? concurrentMaxDefault,
      budget,
      breaker,
      hear,
      isClosed: () => closed,
      random,
    });
  }

  return {
    of(service, name, operation) {
      const key = `${service} ${name}`;
      let policy = policies.get(key);
      if (policy === undefined) {
        policy = make(service, name, operation);
        policies.set(key, policy);
      }
      return policy;
    },
    listen,
    fellBack: (service, operation) => fallbacks?.({ service, operation }),
    close() {
      closed = true;
    },
  };
}

function attemptTimeoutOf({ method, repeatable, timeoutMs = timeoutMsDefault, streams }: Operation): number {
  const mayHang = method === 'GET' || repeatable === true;
  return mayHang && streams === undefined && timeoutMs <= timeoutMsDefault
    ? timeoutMs * attemptShare
    : Number.POSITIVE_INFINITY;
}

/** One line when calls are stopped, one when they go on; the tries in between only for those who want to know everything. */
function tellChanges({ log, ...who }: { log?: Logger; caller: string; service: string; operation: string }) {
  const line = { caller: who.caller, callee: who.service, operation: who.operation };
  let isStopped = false;
  return (state: BreakerState): void => {
    if (state === 'open' && !isStopped) log?.warn(line, 'an operation keeps failing: it is not called for a moment');
    else if (state === 'closed') log?.info(line, 'an operation answers again');
    else log?.debug({ ...line, state }, 'an operation that keeps failing was tried');
    isStopped = state !== 'closed';
  };
}
