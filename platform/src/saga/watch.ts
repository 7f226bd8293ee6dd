import type { Logger } from 'pino';
import type { Cause } from '../schema/index.ts';
import {
  idsOf,
  isSampled,
  type Metrics,
  type PastSpan,
  type SagaStepMeasured,
  stepTraceparent,
  type Traces,
} from '../telemetry/index.ts';
import type { SagaRow } from './rows.ts';

/** Where sagas are seen. */
export interface SagaWatchOptions {
  /** The service that owns the sagas. */
  readonly service: string;
  readonly log: Logger;
  readonly traces?: Traces | undefined;
  readonly metrics?: Pick<Metrics, 'observeStep'> | undefined;
}

export type StepOutcome = SagaStepMeasured['outcome'];

interface EndedStep {
  readonly step: string;
  readonly mode: 'do' | 'undo';
  readonly outcome: StepOutcome;
  readonly endedMs: number;
  /** Why it was refused or given up. */
  readonly code: string | undefined;
}

type StepSpan = Pick<PastSpan, 'own' | 'startedMs' | 'endedMs' | 'error'> & Pick<EndedStep, 'step' | 'mode'>;

/** Spans, durations and log lines of sagas. */
export class SagaWatch {
  readonly #options: SagaWatchOptions;

  constructor(options: SagaWatchOptions) {
    this.#options = options;
  }

  /** The cause a step's command travels with: what the other service does comes under the step. */
  causeOf({ id, cause }: SagaRow, step: string, mode: 'do' | 'undo'): Cause {
    if (!isSampled(cause.traceparent)) return cause;
    return { ...cause, traceparent: stepTraceparent(cause.traceparent, id, step, mode) };
  }

  /** A command's step has ended: its reply was heard, or is waited for no more. */
  stepEnded(row: SagaRow, { step, mode, outcome, endedMs, code }: EndedStep): void {
    const startedMs = sentMs(row, step, mode) ?? endedMs;
    const seconds = Math.max(0, endedMs - startedMs) / 1000;
    this.#options.metrics?.observeStep({ saga: row.definition, step, mode, outcome }, seconds);
    if (!isSampled(row.cause.traceparent)) return;
    const own = stepTraceparent(row.cause.traceparent, row.id, step, mode);
    const error = outcome === 'done' ? undefined : (code ?? outcome);
    this.#record(row, { step, mode, own, startedMs, endedMs, error });
  }

  /** A step in the owner's own database has been run. */
  ranLocally(
    row: SagaRow,
    { code, ...times }: { step: string; startedMs: number; endedMs: number; code: string | undefined },
  ): void {
    if (isSampled(row.cause.traceparent)) this.#record(row, { mode: 'do', error: code, ...times });
  }

  /** A saga waits for a person. Why is told where people look after it: reasons quote what other services say. */
  gotStuck({ id, definition: saga, step, cause }: SagaRow): void {
    this.#options.log.error({ ...idsOf(cause, id), saga, step }, 'a saga is stuck');
  }

  #record({ id, definition: saga, cause }: SagaRow, { step, mode, ...span }: StepSpan): void {
    const attributes = { service: this.#options.service, saga, sagaId: id, step, mode };
    this.#options.traces?.record({
      name: `${saga}: ${mode === 'do' ? '' : 'undo '}${step}`,
      cause,
      attributes,
      ...span,
    });
  }
}

/** When the command was sent, the first time if it was sent again. */
function sentMs({ history }: SagaRow, step: string, mode: 'do' | 'undo'): number | undefined {
  const sent = mode === 'do' ? 'sent' : 'undo sent';
  for (const [name, what, atMs] of history) if (name === step && what === sent) return atMs;
  return undefined;
}
