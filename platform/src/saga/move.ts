import { assert, findAppError } from '../errors/index.ts';
import { crashPoint } from '../lifecycle/index.ts';
import type { Outcome } from '../schema/index.ts';
import type { Service } from '../service/index.ts';
import type { Tx } from '../sql/index.ts';
import { idsOf } from '../telemetry/index.ts';
import type { Clock } from '../time/index.ts';
import type { CommandStep, SagaDefinition, SagaFailure, SagaView, Step } from './definition.ts';
import type { SagaRow } from './rows.ts';
import type { SagaWatch, StepOutcome } from './watch.ts';

/** A local step that nobody ran from memory (its process died) is looked for after this. */
const localBackstopMs = 1_000;
const attemptsMax = 10;
const retryDelayMsMax = 60_000;

/** What a move needs of the engine. */
export interface Mover {
  readonly clock: Clock;
  readonly service: Service<never>;
  readonly watch: SagaWatch;
  /** Has a saga's local step run once the transaction has committed. */
  ready(id: string): void;
  send(
    tx: Tx,
    row: SagaRow,
    step: CommandStep<never, never, never>,
    payload: unknown,
    mode: 'do' | 'undo',
    again: boolean,
  ): void;
}

/** One saga being moved in one transaction. */
export class Move {
  readonly #engine: Mover;
  readonly #definition: SagaDefinition<never>;
  readonly #row: SagaRow;
  readonly #state: unknown;
  readonly #tx: Tx;
  #ranLocal = false;

  constructor(engine: Mover, definition: SagaDefinition<never>, row: SagaRow, state: unknown, tx: Tx) {
    this.#engine = engine;
    this.#definition = definition;
    this.#row = row;
    this.#state = state;
    this.#tx = tx;
  }

  /** What log lines about it carry. */
  get ids(): object {
    return idsOf(this.#row.cause, this.#row.id);
  }

  get #pastPivot(): boolean {
    return isPastPivot(this.#definition, this.#row);
  }

  get #index(): number {
    return stepIndex(this.#definition, this.#row);
  }

  /** Acts on the reply to the step it waits for. `here`: a local step that follows may run in this transaction. */
  async hear(outcome: Outcome, here: boolean): Promise<void> {
    const row = this.#row;
    const index = this.#index;
    const compensating = row.status === 'compensating' || row.stuck?.from === 'compensating';
    if (row.stuck) {
      row.status = row.stuck.from;
      row.stuck = null;
    }
    if (outcome.kind !== 'waiting') {
      this.#stepEnded(
        compensating ? 'undo' : 'do',
        outcome.kind,
        outcome.kind === 'refused' ? outcome.code : undefined,
      );
    }
    if (outcome.kind === 'waiting') {
      row.leftMs = outcome.forMs;
      row.endsInMs = outcome.forMs;
      this.#wakeIn(outcome.forMs);
      this.#note('waiting');
    } else if (compensating) {
      if (outcome.kind === 'done') await this.#undone(index);
      else
        this.#getStuck(
          outcome.kind === 'refused' ? `undo refused: ${outcome.code} ${outcome.detail}` : 'undo superseded',
        );
    } else if (outcome.kind === 'done') {
      row.outputs = { ...row.outputs, [row.step]: outcome.output };
      this.#note('done');
      await this.enter(index + 1, here);
    } else if (outcome.kind === 'refused') {
      this.#note(`refused ${outcome.code}`);
      await this.#refused(index, { code: outcome.code, detail: outcome.detail });
    } else {
      this.#getStuck('the step had been undone although the saga goes forward');
    }
  }

  /** The time it set itself has come. */
  async wake(): Promise<void> {
    const row = this.#row;
    const step = this.#definition.steps[this.#index] as Step<never, never, never>;
    if (row.status === 'compensating') return this.#again(step, 'undo');
    if (row.status !== 'running') return;
    if (step.kind === 'local' && (row.leftMs > 0 || this.#pastPivot)) return this.runLocal();
    if (step.kind === 'local') {
      this.#note('timed out');
      return this.turnBack({ code: 'saga.timed-out', detail: 'All of it took too long.' }, false);
    }
    if (this.#pastPivot) return this.#again(step, 'do');
    this.#note('timed out');
    await this.turnBack(
      step.timeoutFailure ?? { code: 'saga.timed-out', detail: `The step ${step.name} took too long.` },
      true,
    );
  }

  /** Runs the local step it stands at. */
  async runLocal(): Promise<void> {
    const index = this.#index;
    const step = this.#definition.steps[index] as Step<never, never, never>;
    assert(this.#row.status === 'running' && step.kind === 'local', 'only a step of its own is run here');
    this.#ranLocal = true;
    crashPoint('saga.before-local-step');
    const startedMs = this.#engine.clock.nowMs();
    try {
      const output = await step.do(this.#view(), this.#tx, this.#engine.service);
      if (output !== undefined) this.#row.outputs = { ...this.#row.outputs, [step.name]: output };
    } catch (error) {
      const refused = findAppError(error);
      if (refused?.kind !== 'refusal') throw error;
      this.#ranLocally(startedMs, refused.code);
      this.#note(`refused ${refused.code}`);
      return this.#refused(index, { code: refused.code, detail: refused.message });
    }
    this.#ranLocally(startedMs);
    this.#note('done');
    await this.enter(index + 1, true);
  }

  /** Undoes what has been done, the last first. `inDoubt`: the step it stands at may have been carried out. */
  async turnBack(failure: SagaFailure, inDoubt: boolean): Promise<void> {
    if (inDoubt && this.#definition.steps[this.#index]?.kind === 'command')
      this.#stepEnded('do', 'given-up', failure.code);
    this.#row.status = 'compensating';
    this.#row.stuck = null;
    this.#row.failure = failure;
    await this.#undoFrom(inDoubt ? this.#index : this.#index - 1);
  }

  async intervene(action: 'retry' | 'skip' | 'compensate', reason: string): Promise<void> {
    const row = this.#row;
    const from = row.stuck?.from ?? 'running';
    const index = this.#index;
    row.status = from;
    row.stuck = null;
    row.attempt = 1;
    this.#note(`${action} by a person: ${reason}`);
    if (action === 'compensate') return this.turnBack({ code: 'saga.compensated', detail: reason }, true);
    if (action === 'skip') return from === 'compensating' ? this.#undone(index) : this.enter(index + 1, true);
    return from === 'compensating' ? this.#undoFrom(index) : this.enter(index, false, true);
  }

  /** A try failed for a reason of ours: later again, and after many tries a person. */
  postpone(error: unknown): void {
    if (this.#row.attempt >= attemptsMax) {
      this.#getStuck(error instanceof Error ? error.message : String(error));
      return;
    }
    this.#row.attempt++;
    this.#row.wakeInMs = backoffMs(this.#row.attempt);
  }

  /** Comes to a step: sends its command, or runs it when `here` and else has it run in a transaction of its own. */
  enter(index: number, here: boolean, again = false): Promise<void> | void {
    const row = this.#row;
    const step = this.#definition.steps[index];
    if (step === undefined) return this.#complete();
    if (step.when?.(this.#view()) === false) return this.enter(index + 1, here);
    row.step = step.name;
    row.attempt = 1;
    if (step.kind === 'command') {
      this.#sendCommand(step, 'do', again);
      return;
    }
    if (here && !this.#ranLocal) return this.runLocal();
    this.#wakeIn(localBackstopMs);
    this.#tx.afterCommit(() => this.#engine.ready(row.id));
  }

  #complete(): void {
    this.#row.status = 'completed';
    this.#definition.completed(this.#view(), this.#tx, this.#engine.service);
  }

  async #refused(index: number, refused: SagaFailure): Promise<void> {
    if (index < this.#definition.pivot) return this.turnBack(refused, false);
    const step = this.#definition.steps[index] as Step<never, never, never>;
    const verdict =
      step.kind === 'command' ? step.whenRefused?.(this.#view(), refused, this.#tx, this.#engine.service) : undefined;
    if (verdict === 'on') return this.enter(index + 1, true);
    if (verdict === 'end') return this.#complete();
    this.#getStuck(`${refused.code}: ${refused.detail}`);
  }

  async #undone(index: number): Promise<void> {
    this.#note('undone');
    await this.#undoFrom(index - 1);
  }

  async #undoFrom(from: number): Promise<void> {
    crashPoint('saga.mid-compensation');
    for (let index = from; index >= 0; index--) {
      const step = this.#definition.steps[index] as Step<never, never, never>;
      if (step.when?.(this.#view()) === false) continue;
      if (step.kind === 'command' && step.undoable) {
        this.#row.step = step.name;
        this.#row.attempt = 1;
        this.#sendCommand(step, 'undo');
        return;
      }
      if (step.kind === 'local' && step.undo) {
        await step.undo(this.#view(), this.#tx, this.#engine.service);
        this.#row.history.push([step.name, 'undone', this.#engine.clock.nowMs()]);
      }
    }
    this.#row.status = 'compensated';
    this.#definition.failed(this.#view(), this.#tx, this.#engine.service);
  }

  #again(step: Step<never, never, never>, mode: 'do' | 'undo'): void {
    if (step.kind !== 'command') return;
    if (this.#row.attempt >= attemptsMax) {
      this.#getStuck(
        `no reply to ${mode === 'do' ? 'the step' : 'the undo of'} ${step.name} after ${attemptsMax} tries`,
      );
      return;
    }
    this.#row.attempt++;
    this.#sendCommand(step, mode);
  }

  #sendCommand(step: CommandStep<never, never, never>, mode: 'do' | 'undo', again = false): void {
    this.#wakeIn(step.timeoutMs + (this.#row.attempt > 1 ? backoffMs(this.#row.attempt) : 0));
    this.#note(mode === 'do' ? 'sent' : 'undo sent');
    this.#engine.send(this.#tx, this.#row, step, step.payload(this.#view()), mode, again);
  }

  /** Before the pivot nobody waits longer than the saga may take in all. */
  #wakeIn(ms: number): void {
    const bounded = this.#row.status === 'running' && !this.#pastPivot;
    this.#row.wakeInMs = bounded ? Math.max(0, Math.min(ms, this.#row.leftMs)) : ms;
  }

  #getStuck(reason: string): void {
    const from = this.#row.status === 'compensating' ? 'compensating' : 'running';
    this.#row.status = 'stuck';
    this.#row.stuck = { reason, from };
    this.#note(`stuck: ${reason}`);
    this.#tx.afterCommit(() => this.#engine.watch.gotStuck(this.#row));
  }

  #stepEnded(mode: 'do' | 'undo', outcome: StepOutcome, code?: string): void {
    const { step } = this.#row;
    const endedMs = this.#engine.clock.nowMs();
    this.#tx.afterCommit(() => this.#engine.watch.stepEnded(this.#row, { step, mode, outcome, endedMs, code }));
  }

  #ranLocally(startedMs: number, code?: string): void {
    const { step } = this.#row;
    const endedMs = this.#engine.clock.nowMs();
    this.#tx.afterCommit(() => this.#engine.watch.ranLocally(this.#row, { step, startedMs, endedMs, code }));
  }

  #note(what: string): void {
    this.#row.history.push([this.#row.step, what, this.#engine.clock.nowMs()]);
  }

  #view(): SagaView<never, never> {
    const { id, key, input, outputs, cause, failure } = this.#row;
    return {
      id,
      key,
      input: input as never,
      outputs,
      state: this.#state as never,
      cause,
      ...(failure && { failure }),
    };
  }
}

/** Whether a saga only goes forward from where it stands. */
export function isPastPivot(definition: SagaDefinition<never>, row: SagaRow): boolean {
  return stepIndex(definition, row) >= definition.pivot;
}

function stepIndex({ name, steps }: SagaDefinition<never>, row: SagaRow): number {
  const index = steps.findIndex((step) => step.name === row.step);
  assert(index >= 0, `saga ${name} has no step ${row.step}`);
  return index;
}

function backoffMs(attempt: number): number {
  return Math.min(retryDelayMsMax, 250 * 2 ** attempt) * (0.5 + Math.random() / 2);
}
