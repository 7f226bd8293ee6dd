import { newId } from '../ids/index.ts';
import type { Outbox } from '../outbox/index.ts';
import type { Message, Outcome, StepAddress } from '../schema/index.ts';
import { type Sql, type Tx, type Writer, writer } from '../sql/index.ts';
import type { Clock } from '../time/index.ts';

/** The type of every reply to a saga's command. */
export const replyType = 'saga.reply.v1';

export interface StepCommand extends Message {
  readonly step: StepAddress;
}

/** How a service carries out the commands of one type. */
export interface StepHandlers {
  /** Whether outcomes come in a later transaction. */
  readonly later: boolean;
  doMany(commands: readonly StepCommand[], tx: Tx): Promise<(Outcome | 'later')[]>;
  undoMany(commands: readonly StepCommand[], tx: Tx): Promise<(Outcome | 'later')[]>;
}

interface StepRow {
  readonly saga: string;
  readonly step: string;
  readonly state: 'doing' | 'done' | 'refused' | 'undoing' | 'undone';
  readonly outcome: Outcome | null;
}

const begin = `
insert into kit.step (saga, step, state)
select saga, step, $3 from unnest($1::uuid[], $2::text[]) as s(saga, step)
on conflict (saga, step) do nothing
returning saga, step`;

const forgetRefused = `
delete from kit.step s using unnest($1::uuid[], $2::text[]) as again(saga, step)
where s.saga = again.saga and s.step = again.step and s.state = 'refused'`;

const look = `
select s.saga, s.step, s.state, s.outcome from kit.step s
join unnest($1::uuid[], $2::text[]) as asked(saga, step) using (saga, step)
order by s.saga, s.step
for update of s`;

const outcomes = writer<{ saga: string; step: string; state: string; outcome: Outcome | null }>(
  'step outcomes',
  30,
  (tx, rows) =>
    tx.query(
      `update kit.step s set state = r.state, outcome = r.outcome, changed_at = clock_timestamp()
    from json_to_recordset($1::json) as r(saga uuid, step text, state text, outcome jsonb)
    where s.saga = r.saga and s.step = r.step and not (s.state in ('undoing', 'undone') and r.state in ('done', 'refused'))`,
      [JSON.stringify(rows)],
    ),
) satisfies Writer<never>;

const done: Outcome = { kind: 'done', output: {} };

/**
 * Carries out the steps that sagas of other services ask of this one. A row for each step makes its `do` happen once and never after its
 * undo: an undo that overtakes its do leaves the row behind as a tombstone.
 */
export class Participant {
  readonly #outbox: Outbox;
  readonly #clock: Clock;

  constructor(outbox: Outbox, clock: Clock) {
    this.#outbox = outbox;
    this.#clock = clock;
  }

  /** Carries out commands of one type, each of another key, in the transaction of their marks. */
  async carryOut(commands: readonly StepCommand[], handlers: StepHandlers, tx: Tx): Promise<void> {
    const dos = commands.filter((command) => command.step.mode === 'do');
    const undos = commands.filter((command) => command.step.mode === 'undo');
    if (dos.length > 0) await this.#doMany(dos, handlers, tx);
    if (undos.length > 0) await this.#undoMany(undos, handlers, tx);
  }

  /** Sends a reply, and keeps it for a command that is sent again. */
  reply(tx: Tx, command: Pick<StepCommand, 'step' | 'key' | 'cause'>, outcome: Outcome): void {
    // A refused undo leaves the step as it is, so that the undo can be asked for again.
    const kept = outcome.kind !== 'waiting' && !(command.step.mode === 'undo' && outcome.kind === 'refused');
    if (kept) tx.defer(outcomes, { ...keyOf(command), state: stateOf(command.step.mode, outcome), outcome });
    this.#send(tx, command, outcome);
  }

  async #doMany(commands: readonly StepCommand[], handlers: StepHandlers, tx: Tx): Promise<void> {
    const again = commands.filter((command) => command.step.again);
    if (again.length > 0)
      await tx.query(forgetRefused, [again.map(({ step }) => step.saga), again.map(({ step }) => step.step)]);
    const begun = await this.#begin(commands, handlers.later ? 'doing' : 'done', tx);
    const fresh = commands.filter((command) => begun.has(nameOf(command)));
    const results = fresh.length > 0 ? await handlers.doMany(fresh, tx) : [];
    fresh.forEach((command, at) => {
      const outcome = results[at] as Outcome | 'later';
      if (outcome === 'later') return;
      if (outcome.kind === 'done' && isEmpty(outcome.output)) this.#send(tx, command, outcome);
      else this.reply(tx, command, outcome);
    });
    const seen = commands.filter((command) => !begun.has(nameOf(command)));
    if (seen.length > 0) await this.#answerAgain(seen, tx);
  }

  async #undoMany(commands: readonly StepCommand[], handlers: StepHandlers, tx: Tx): Promise<void> {
    const begun = await this.#begin(commands, 'undone', tx);
    const early = commands.filter((command) => begun.has(nameOf(command)));
    for (const command of early) this.#send(tx, command, done);
    const known = commands.filter((command) => !begun.has(nameOf(command)));
    if (known.length === 0) return;
    const rows = await this.#look(known, tx);
    const carriedOut = known.filter((command) => /^(doing|done)$/.test(rows.get(nameOf(command))?.state ?? ''));
    const results = carriedOut.length > 0 ? await handlers.undoMany(carriedOut, tx) : [];
    carriedOut.forEach((command, at) => {
      const outcome = results[at] as Outcome | 'later';
      if (outcome === 'later') tx.defer(outcomes, { ...keyOf(command), state: 'undoing', outcome: null });
      else this.reply(tx, command, outcome);
    });
    for (const command of known) {
      const state = rows.get(nameOf(command))?.state;
      if (state === 'refused') this.reply(tx, command, done);
      else if (state === 'undone') this.#send(tx, command, done);
    }
  }

  /** Answers commands that were sent again as they were answered before; those still being worked on answer by themselves. */
  async #answerAgain(commands: readonly StepCommand[], tx: Tx): Promise<void> {
    const rows = await this.#look(commands, tx);
    for (const command of commands) {
      const row = rows.get(nameOf(command));
      if (row?.state === 'done' || row?.state === 'refused') this.#send(tx, command, row.outcome ?? done);
      else if (row?.state !== 'doing') this.#send(tx, command, { kind: 'superseded' });
    }
  }

  async #begin(commands: readonly StepCommand[], state: string, tx: Sql): Promise<Set<string>> {
    const rows = await tx.query<StepRow>(begin, [
      commands.map((command) => command.step.saga),
      commands.map((command) => command.step.step),
      state,
    ]);
    return new Set(rows.map((row) => `${row.saga} ${row.step}`));
  }

  async #look(commands: readonly StepCommand[], tx: Sql): Promise<Map<string, StepRow>> {
    const rows = await tx.query<StepRow>(look, [
      commands.map((command) => command.step.saga),
      commands.map((command) => command.step.step),
    ]);
    return new Map(rows.map((row) => [`${row.saga} ${row.step}`, row]));
  }

  #send(tx: Tx, command: Pick<StepCommand, 'step' | 'key' | 'cause'> & { id?: string }, outcome: Outcome): void {
    this.#outbox.send(tx, command.step.replyTo, {
      id: newId(),
      type: replyType,
      key: command.key,
      payload: outcome,
      occurredAt: this.#clock.now(),
      cause: { ...command.cause, causationId: command.id },
      step: command.step,
    });
  }
}

function keyOf({ step }: Pick<StepCommand, 'step'>): { saga: string; step: string } {
  return { saga: step.saga, step: step.step };
}

function nameOf({ step }: StepCommand): string {
  return `${step.saga} ${step.step}`;
}

function stateOf(mode: 'do' | 'undo', outcome: Outcome): StepRow['state'] {
  if (mode === 'undo') return 'undone';
  return outcome.kind === 'refused' ? 'refused' : 'done';
}

function isEmpty(output: unknown): boolean {
  return typeof output === 'object' && output !== null && Object.keys(output).length === 0;
}
