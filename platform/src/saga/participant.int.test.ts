import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '../ids/index.ts';
import { Outbox } from '../outbox/index.ts';
import type { Message, Outcome } from '../schema/index.ts';
import { Database, migrate, readMigrations, type Tx } from '../sql/index.ts';
import { type TestDatabase, testDatabase } from '../testing/index.ts';
import { systemClock } from '../time/index.ts';
import { Participant, type StepCommand, type StepHandlers } from './index.ts';

const done = (output: unknown = {}): Outcome => ({ kind: 'done', output });
const refused: Outcome = { kind: 'refused', code: 'thing.gone', detail: 'It is gone.' };
const superseded: Outcome = { kind: 'superseded' };

describe('a service that carries out steps of sagas', () => {
  let server: TestDatabase;
  let db: Database;
  let sent: Message[] = [];
  let participant: Participant;
  before(async () => {
    server = await testDatabase('participant');
    db = new Database({ url: server.url, name: 'test' });
    await migrate(db, 'kit', await readMigrations(new URL('../../migrations/', import.meta.url)));
    await db.query('create table work (saga uuid, step text, mode text)');
    const outbox = new Outbox({
      clock: systemClock,
      subscribersOf: () => [],
      onCommitted: (entries) => void sent.push(...entries.map(({ message }) => message)),
    });
    participant = new Participant(outbox, systemClock);
  });
  after(async () => {
    await db.close();
    await server.drop();
  });

  function command(saga: string, mode: 'do' | 'undo', again = false): StepCommand {
    const step = { saga, step: 'hold', replyTo: 'owner', mode, ...(again && { again }) };
    return {
      id: newId(),
      type: 'thing.hold.v1',
      key: saga,
      payload: {},
      occurredAt: systemClock.now(),
      cause: { correlationId: 'test' },
      step,
    };
  }

  const note = (commands: readonly StepCommand[], tx: Tx): Promise<unknown> =>
    Promise.all(
      commands.map(({ step }) => tx.query('insert into work values ($1, $2, $3)', [step.saga, step.step, step.mode])),
    );

  function handlers(answers: { do?: Outcome | 'later'; undo?: Outcome | 'later' } = {}): StepHandlers {
    return {
      later: answers.do === 'later',
      async doMany(commands, tx) {
        await note(commands, tx);
        return commands.map(() => answers.do ?? done());
      },
      async undoMany(commands, tx) {
        await note(commands, tx);
        return commands.map(() => answers.undo ?? done());
      },
    };
  }

  /** Carries commands out, each in a transaction of its own, and gives the outcomes that were sent. */
  async function carryOut(commands: readonly StepCommand[], how: StepHandlers = handlers()): Promise<Outcome[]> {
    sent = [];
    for (const one of commands) await db.transaction((tx) => participant.carryOut([one], how, tx));
    return sent.map(({ payload }) => payload as Outcome);
  }

  const workOf = async (saga: string): Promise<string[]> =>
    (await db.query<{ mode: string }>('select mode from work where saga = $1', [saga])).map(({ mode }) => mode);

  it('does a step once and answers the same again, addressed to its saga', async () => {
    const saga = newId();
    const how = handlers({ do: done({ place: 7 }) });
    assert.deepEqual(await carryOut([command(saga, 'do'), command(saga, 'do')], how), [
      done({ place: 7 }),
      done({ place: 7 }),
    ]);
    assert.deepEqual(await workOf(saga), ['do']);
    assert.deepEqual([sent[0]?.type, sent[0]?.key, sent[0]?.step?.replyTo], ['saga.reply.v1', saga, 'owner']);
  });

  it('answers again with nothing to tell as well', async () => {
    const saga = newId();
    assert.deepEqual(await carryOut([command(saga, 'do'), command(saga, 'do')]), [done(), done()]);
    assert.deepEqual(await workOf(saga), ['do']);
  });

  it('does a step once when it arrives twice at the same time', async () => {
    const saga = newId();
    sent = [];
    await Promise.all(
      [1, 2].map(() => db.transaction((tx) => participant.carryOut([command(saga, 'do')], handlers(), tx))),
    );
    assert.deepEqual(await workOf(saga), ['do']);
    assert.equal(sent.length, 2);
  });

  it('takes back what was done, once', async () => {
    const saga = newId();
    assert.deepEqual(await carryOut([command(saga, 'do'), command(saga, 'undo'), command(saga, 'undo')]), [
      done(),
      done(),
      done(),
    ]);
    assert.deepEqual(await workOf(saga), ['do', 'undo']);
  });

  it('changes nothing for a do that arrives after its undo, and answers superseded', async () => {
    const saga = newId();
    assert.deepEqual(await carryOut([command(saga, 'undo'), command(saga, 'do'), command(saga, 'do')]), [
      done(),
      superseded,
      superseded,
    ]);
    assert.deepEqual(await workOf(saga), []);
  });

  it('changes nothing for a do that arrives again after its undo', async () => {
    const saga = newId();
    assert.deepEqual(await carryOut([command(saga, 'do'), command(saga, 'undo'), command(saga, 'do')]), [
      done(),
      done(),
      superseded,
    ]);
    assert.deepEqual(await workOf(saga), ['do', 'undo']);
  });

  it('leaves nothing held, whichever of a do and its undo comes first', async () => {
    for (let round = 0; round < 20; round++) {
      const saga = newId();
      sent = [];
      await Promise.all(
        (['do', 'undo'] as const).map((mode) =>
          db.transaction((tx) => participant.carryOut([command(saga, mode)], handlers(), tx)),
        ),
      );
      const work = await workOf(saga);
      assert.ok(work.length === 0 || (work.length === 2 && work[1] === 'undo'), JSON.stringify(work));
      const outcome = sent.find(({ step }) => step?.mode === 'do')?.payload as Outcome;
      assert.equal(outcome.kind, work.length === 0 ? 'superseded' : 'done');
    }
  });

  it('has nothing to take back of a step that it refused, and never does it afterwards', async () => {
    const saga = newId();
    const how = handlers({ do: refused });
    assert.deepEqual(
      await carryOut([command(saga, 'do'), command(saga, 'do'), command(saga, 'undo'), command(saga, 'do')], how),
      [refused, refused, done(), superseded],
    );
    assert.deepEqual(await workOf(saga), ['do']);
  });

  it('does a refused step anew when a person asks for it again, but not one that was done', async () => {
    const saga = newId();
    await carryOut([command(saga, 'do')], handlers({ do: refused }));
    assert.deepEqual(await carryOut([command(saga, 'do', true)]), [done()]);
    assert.deepEqual(await carryOut([command(saga, 'do', true)]), [done()]);
    assert.deepEqual(await workOf(saga), ['do', 'do']);
  });

  it('says nothing about a step that is under way; its answer comes later and is kept', async () => {
    const saga = newId();
    const later = handlers({ do: 'later' });
    const first = command(saga, 'do');
    assert.deepEqual(await carryOut([first, command(saga, 'do')], later), []);
    sent = [];
    await db.transaction(async (tx) => participant.reply(tx, first, done({ paid: true })));
    assert.deepEqual(
      sent.map(({ payload }) => payload),
      [done({ paid: true })],
    );
    assert.deepEqual(await carryOut([command(saga, 'do')], later), [done({ paid: true })]);
    assert.deepEqual(await workOf(saga), ['do']);
  });

  it('takes back a step that is under way; the answer that comes after all does not bring it back', async () => {
    const saga = newId();
    const later = handlers({ do: 'later', undo: 'later' });
    const [doing, undoing] = [command(saga, 'do'), command(saga, 'undo')];
    assert.deepEqual(await carryOut([doing, undoing], later), []);
    await db.transaction(async (tx) => participant.reply(tx, doing, done({ paid: true })));
    assert.deepEqual(await carryOut([command(saga, 'do')], later), [superseded]);
    sent = [];
    await db.transaction(async (tx) => participant.reply(tx, undoing, done()));
    assert.deepEqual(
      sent.map(({ payload }) => payload),
      [done()],
    );
    assert.deepEqual(await carryOut([command(saga, 'do'), command(saga, 'undo')], later), [superseded, done()]);
  });

  it('may be asked again for an undo that it refused', async () => {
    const saga = newId();
    assert.deepEqual(await carryOut([command(saga, 'do'), command(saga, 'undo')], handlers({ undo: refused })), [
      done(),
      refused,
    ]);
    assert.deepEqual(await carryOut([command(saga, 'undo')]), [done()]);
    assert.deepEqual(await workOf(saga), ['do', 'undo', 'undo']);
  });

  it('leaves no trace of a step whose transaction fails', async () => {
    const saga = newId();
    const failing: StepHandlers = { ...handlers(), doMany: () => Promise.reject(new Error('a fault')) };
    await assert.rejects(carryOut([command(saga, 'do')], failing), /a fault/);
    assert.deepEqual(await carryOut([command(saga, 'do')]), [done()]);
  });

  it('says that it is waiting without taking that for the answer', async () => {
    const saga = newId();
    const first = command(saga, 'do');
    await carryOut([first], handlers({ do: 'later' }));
    sent = [];
    await db.transaction(async (tx) => participant.reply(tx, first, { kind: 'waiting', forMs: 1_000 }));
    await db.transaction(async (tx) => participant.reply(tx, first, done({ paid: true })));
    assert.deepEqual(
      sent.map(({ payload }) => (payload as Outcome).kind),
      ['waiting', 'done'],
    );
  });
});
