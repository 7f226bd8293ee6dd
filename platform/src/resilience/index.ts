import type { Logger } from 'pino';
import type { Operation } from '../schema/index.ts';
import type { Metrics } from '../telemetry/index.ts';

/** How calls to one operation are guarded. */
export interface OperationPolicy {
  run<T>(
    work: (attempt: { readonly number: number; readonly signal: AbortSignal; readonly deadlineMs: number }) => Promise<T>,
    how: { readonly deadlineMs: number; readonly idempotent: boolean },
  ): Promise<T>;
}

export interface Policies {
  of(service: string, operationName: string, operation: Operation): OperationPolicy;
  close(): void;
}

export function createPolicies(_options: { caller: string; metrics?: Metrics; log?: Logger }): Policies {
  return {
    of: () => ({ run: (work, { deadlineMs }) => work({ number: 1, signal: new AbortController().signal, deadlineMs }) }),
    close: () => undefined,
  };
}
