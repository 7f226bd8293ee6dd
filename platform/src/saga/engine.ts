import type { Logger } from 'pino';
import { assert, fault, findAppError } from '../errors/index.ts';
import { newId } from '../ids/index.ts';
import { LeftToNewer } from '../inbox/index.ts';
import { crashPoint } from '../lifecycle/index.ts';
import type { Outbox } from '../outbox/index.ts';
import type { Cause, Message, Outcome } from '../schema/index.ts';
import type { Service } from '../service/index.ts';
import { type Database, isAway, isDatabaseAway, type Tx } from '../sql/index.ts';
import type { Clock } from '../time/index.ts';
import type { CommandStep, SagaDefinition, SagaFailure, Sagas, Step } from './definition.ts';
import { isPastPivot, Move, type Mover } from './move.ts';
import { changedSagas, dueSagas, lockSagaOf, lockSagas, newSagas, type SagaPlace, type SagaRow } from './rows.ts';
import type { SagaWatch } from './watch.ts';

export interface SagaEngineOptions {
  readonly db: Database;
  readonly definitions: readonly SagaDefinition<never>[];
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Logger;
  readonly watch: SagaWatch;
  /** The service that owns the sagas; their steps are handed it. */
  readonly service: () => Service<never>;
}

const batchMax = 100;
const lookEveryMs = 500;

/**
 * Moves sagas. A saga moves only in a transaction that holds its row, so any process can move it and none twice.
 * Garcia-Molina and Salem, "Sagas", SIGMOD 1987; pivot and order of compensation after Richardson, "Microservices Patterns", §4.
 */
export class SagaEngine implements Sagas, Mover {
  readonly #options: SagaEngineOptions;
  readonly #definitions: Map<string, SagaDefinition<never>>;
  /** Every step of every definition: a newer program's sagas may stand at others, and are left to it. */
  readonly #places: readonly SagaPlace[];
  /** Names of the steps of each definition. */
  readonly #steps: ReadonlyMap<string, readonly string[]>;
  #ready = new Set<string>();
  /** Sagas whose answer could not be heard: the next time the step that follows runs by itself, where a failure of it is the saga's own. */
  readonly #wary = new Set<string>();
  #running: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: SagaEngineOptions) {
    this.#options = options;
    this.#definitions = new Map(options.definitions.map((definition) => [definition.name, definition]));
    this.#steps = new Map(options.definitions.map(({ name, steps }) => [name, steps.map((step) => step.name)]));
    this.#places = [...this.#steps].flatMap(([definition, steps]) => steps.map((step) => ({ definition, step })));
  }

  /** Begins to look for sagas whose time has come. */
  open(): void {
    if (this.#definitions.size > 0) this.#timer = setInterval(() => this.look(), lookEveryMs);
  }

  async close(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running;
    await this.#looking;
  }

  /** Hears the replies to commands that sagas sent, each of another key, in the transaction of their marks. */
  async hearReplies(messages: readonly Message[], tx: Tx): Promise<void> {
    const rows = await lockSagas(
      tx,
      messages.map((message) => (message.step as { saga: string }).saga),
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    const heard = messages.flatMap((message) => {
      const row = byId.get((message.step as { saga: string }).saga);
      return row && this.#expects(row, message) ? [{ row, outcome: message.payload as Outcome }] : [];
    });
    for (const { row } of heard)
      if (!this.#knows(row))
        throw new LeftToNewer(
          `This program does not know ${row.definition}, step ${row.step}, or other steps of it; a newer one may.`,
        );
    const moves = await this.#open(
      heard.map(({ row }) => row),
      tx,
    );
    try {
      for (const [at, move] of moves.entries()) {
        const { row, outcome } = heard[at] as (typeof heard)[number];
        await move.hear(outcome, !this.#wary.has(row.id));
      }
    } catch (error) {
      for (const { row } of heard) this.#wary.add(row.id);
      throw error;
    }
    tx.afterCommit(() => {
      for (const { row } of heard) this.#wary.delete(row.id);
    });
    crashPoint('saga.before-state');
  }

  async cancel(
    tx: Tx,
    saga: string,
    key: string,
    failure: SagaFailure,
  ): Promise<'compensating' | 'past-pivot' | 'none'> {
    const row = await lockSagaOf(tx, saga, key);
    if (!row || row.status === 'completed' || row.status === 'compensated') return 'none';
    if (row.status === 'compensating') return 'compensating';
    if (!this.#knows(row)) throw ofNewer(row);
    // Before it is opened: that would write it, without the time at which it is looked at again.
    if (isPastPivot(this.#definitionOf(row.definition), row)) return 'past-pivot';
    const [move] = await this.#open([row], tx);
    assert(move, 'a saga that was locked can be moved');
    await move.turnBack(failure, true);
    return 'compensating';
  }

  /** Acts for a person on a saga that is stuck. Returns what became of it, or why nothing did. */
  async intervene(
    tx: Tx,
    id: string,
    action: 'retry' | 'skip' | 'compensate',
    reason: string,
  ): Promise<'done' | 'not-found' | 'not-stuck' | 'past-pivot'> {
    const [row] = await lockSagas(tx, [id]);
    if (!row) return 'not-found';
    if (row.status !== 'stuck') return 'not-stuck';
    if (!this.#knows(row)) throw ofNewer(row);
    if (action === 'compensate' && isPastPivot(this.#definitionOf(row.definition), row)) return 'past-pivot';
    const [move] = await this.#open([row], tx);
    assert(move, 'a saga that was locked can be moved');
    await move.intervene(action, reason);
    return 'done';
  }

  /** Looks for sagas whose time has come. */
  look(): void {
    if (this.#looking || this.#stopped) return;
    this.#looking = this.#wakeDue()
      .catch((error) => this.#options.log.warn({ err: error }, 'sagas that are due could not be looked for'))
      .finally(() => {
        this.#looking = undefined;
      });
  }

  /** Runs the local step a saga has come to, once the transaction that brought it there has committed. */
  ready(id: string): void {
    this.#ready.add(id);
    this.#running ??= this.#runReady().finally(() => {
      this.#running = undefined;
    });
  }

  send(
    tx: Tx,
    row: SagaRow,
    step: CommandStep<never, never, never>,
    payload: unknown,
    mode: 'do' | 'undo',
    again: boolean,
  ): void {
    crashPoint('saga.before-command');
    this.#options.outbox.send(tx, step.command.to, {
      id: newId(),
      type: step.command.type,
      key: row.key,
      payload,
      occurredAt: this.#options.clock.now(),
      cause: this.watch.causeOf(row, step.name, mode),
      step: { saga: row.id, step: step.name, replyTo: this.#options.service().name, mode, ...(again && { again }) },
    });
  }

  get service(): Service<never> {
    return this.#options.service();
  }

  get watch(): SagaWatch {
    return this.#options.watch;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  start<I>(tx: Tx, name: string, { key, input, cause }: { key: string; input: I; cause: Cause }): void {
    const definition = this.#definitionOf(name);
    const row: SagaRow = {
      id: newId(),
      definition: name,
      key,
      status: 'running',
      step: (definition.steps[0] as Step<never, never, never>).name,
      attempt: 1,
      input,
      outputs: {},
      failure: null,
      stuck: null,
      history: [],
      cause,
      steps: this.#stepsOf(name),
      widened: null,
      wakeInMs: null,
      endsInMs: definition.timeoutMs,
      leftMs: definition.timeoutMs,
      due: false,
    };
    new Move(this, definition, row, undefined, tx).enter(0, false);
    tx.defer(newSagas, row);
  }

  #definitionOf(name: string): SagaDefinition<never> {
    const definition = this.#definitions.get(name);
    assert(definition, `there is no saga called ${name}`);
    return definition;
  }

  /** Whether this program can move it: it knows the step it stands at, and every step that others may have done or be about to do. */
  #knows({ definition, step, steps }: SagaRow): boolean {
    const own = this.#stepsOf(definition);
    return own.includes(step) && (steps ?? []).every((name) => own.includes(name));
  }

  #stepsOf(definition: string): readonly string[] {
    return this.#steps.get(definition) ?? [];
  }

  #expects(row: SagaRow, { step }: Message): boolean {
    const direction = row.status === 'stuck' ? row.stuck?.from : row.status;
    return row.step === step?.step && direction === (step.mode === 'do' ? 'running' : 'compensating');
  }

  /** Loads what the steps of these sagas need, one read a definition. */
  async #open(rows: readonly SagaRow[], tx: Tx): Promise<Move[]> {
    const states = new Map<string, ReadonlyMap<string, unknown>>();
    for (const name of new Set(rows.map((row) => row.definition))) {
      const keys = rows.filter((row) => row.definition === name).map((row) => row.key);
      states.set(name, await this.#definitionOf(name).load(keys, tx));
    }
    return rows.map((row) => {
      tx.defer(changedSagas, row);
      row.wakeInMs = null;
      row.endsInMs = null;
      const own = this.#stepsOf(row.definition);
      // It was found to know all of theirs.
      if (row.steps?.length !== own.length) row.widened = own;
      return new Move(this, this.#definitionOf(row.definition), row, states.get(row.definition)?.get(row.key), tx);
    });
  }

  async #runReady(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#ready.size > 0 && !this.#stopped) {
      const ids = [...this.#ready].slice(0, batchMax);
      for (const id of ids) this.#ready.delete(id);
      try {
        await this.#move(ids, this.#standsAtLocal, (move) => move.runLocal());
      } catch {
        for (const id of ids) await this.#alone(id, this.#standsAtLocal, (move) => move.runLocal());
      }
    }
  }

  /** One saga a transaction: a saga that cannot be moved holds up no other. */
  async #wakeDue(): Promise<void> {
    for (const id of await dueSagas(this.#options.db, this.#places, batchMax)) {
      if (this.#stopped) return;
      crashPoint('saga.timer');
      await this.#alone(
        id,
        (row) => row.due && this.#knows(row),
        (move) => move.wake(),
      );
    }
  }

  /** Whether it runs and stands at a step in the owner's own database. */
  readonly #standsAtLocal = (row: SagaRow): boolean =>
    row.status === 'running' &&
    this.#knows(row) &&
    this.#definitionOf(row.definition).steps.find(({ name }) => name === row.step)?.kind === 'local';

  /** Moves those that are, once they are locked, still where they were thought to be; somebody else has moved the others. */
  async #move(
    ids: readonly string[],
    isMeant: (row: SagaRow) => boolean,
    act: (move: Move) => Promise<void>,
  ): Promise<void> {
    await this.#options.db.transaction(async (tx) => {
      const rows = (await lockSagas(tx, ids)).filter(isMeant);
      for (const move of await this.#open(rows, tx)) await act(move);
    });
  }

  async #alone(id: string, isMeant: (row: SagaRow) => boolean, act: (move: Move) => Promise<void>): Promise<void> {
    let ids: object = { sagaId: id };
    let failedAt = '';
    const isStill = (row: SagaRow): boolean => {
      failedAt = placeOf(row);
      return isMeant(row);
    };
    try {
      await this.#move([id], isStill, (move) => {
        ids = move.ids;
        return act(move);
      });
    } catch (error) {
      const isUnavailable = findAppError(error)?.code === 'service.unavailable';
      if (isUnavailable && (!isDatabaseAway(error) || (await isAway(this.#options.db, error)))) return;
      this.#options.log.warn({ ...ids, err: error }, 'a saga could not be moved');
      await this.#move(
        [id],
        (row) => placeOf(row) === failedAt,
        async (move) => move.postpone(error),
      ).catch((again) => this.#options.log.error({ ...ids, err: again }, 'a saga could not be postponed'));
    }
  }
}

function ofNewer({ definition }: SagaRow): Error {
  return fault('service.unavailable', `This ${definition} is moved by a newer program. Ask again.`, { retryAfterS: 2 });
}

function placeOf({ status, step, attempt }: SagaRow): string {
  return `${status} ${step} ${attempt}`;
}
