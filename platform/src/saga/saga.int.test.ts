import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { skip } from '../inbox/index.ts';
import { newKey, noWay, openTrips, refused, type TripRow, type Trips } from './testing/trip.ts';

describe('a saga', () => {
  let trips: Trips;
  before(async () => {
    trips = await openTrips('saga');
  });
  after(() => trips.close());

  async function until(key: string, holds: (row: TripRow) => boolean, timeoutMs = 20_000): Promise<TripRow> {
    for (const deadlineMs = performance.now() + timeoutMs; ; await sleep(10)) {
      const row = await trips.row(key);
      if (holds(row)) return row;
      assert.ok(performance.now() < deadlineMs, `not within ${timeoutMs} ms: ${JSON.stringify(row)}`);
    }
  }
  const ended = (key: string) => until(key, ({ status }) => status === 'completed' || status === 'compensated');
  const sawStep = (key: string, what: string) =>
    until(key, () => true).then(async () => {
      while (!(await trips.notes(key)).includes(what)) await sleep(10);
    });
  const answer = (key: string, step: string, mode: 'do' | 'undo' = 'do') =>
    trips
      .row(key)
      .then(({ id }) =>
        trips.agencyDb.transaction(async (tx) =>
          trips.agency.service.reply(
            tx,
            { step: { saga: id, step, replyTo: 'travel', mode }, key, cause: { correlationId: 'test' } },
            { kind: 'done', output: {} },
          ),
        ),
      );
  const forward = ['do open', 'do room', 'do seat', 'do decide', 'do tickets', 'do close', 'completed'];

  it('goes through its steps in order, each once, with what the steps before answered', async () => {
    const key = newKey();
    await trips.begin(key);
    const { status, outputs } = await ended(key);
    assert.equal(status, 'completed');
    assert.deepEqual(await trips.notes(key), forward);
    assert.deepEqual(outputs.room, { number: 7 });
  });

  it('starts once for a key', async () => {
    const key = newKey();
    await trips.begin(key);
    await assert.rejects(trips.begin(key), { code: '23505' });
    await ended(key);
    assert.deepEqual(await trips.notes(key), forward);
  });

  it('turns back at a refusal and undoes in reverse what was done, not what was refused', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, () => refused);
    await trips.begin(key);
    const { status, failure } = await ended(key);
    assert.deepEqual([status, failure], ['compensated', { code: 'trip.full', detail: 'It is full.' }]);
    assert.deepEqual(await trips.notes(key), ['do open', 'do room', 'undo room', 'undo open', 'failed trip.full']);
  });

  it('turns back when a step of its own refuses', async () => {
    const key = newKey();
    trips.behaviour.travel.set(`decide ${key}`, () => {
      throw noWay();
    });
    await trips.begin(key);
    await ended(key);
    assert.deepEqual(await trips.notes(key), [
      ...['do open', 'do room', 'do seat'],
      ...['undo seat', 'undo room', 'undo open', 'failed trip.no-way'],
    ]);
  });

  it('turns back when a step before the pivot takes too long; its answer changes nothing any more', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, (mode) => (mode === 'do' ? 'later' : { kind: 'done', output: {} }));
    await trips.begin(key, 'hasty trip');
    const { status, failure } = await ended(key);
    assert.deepEqual([status, failure?.code], ['compensated', 'trip.too-slow']);
    const notes = await trips.notes(key);
    assert.deepEqual(notes.slice(-4), ['undo seat', 'undo room', 'undo open', 'failed trip.too-slow']);
    await answer(key, 'seat');
    await sleep(100);
    assert.equal((await trips.row(key)).status, 'compensated');
    assert.deepEqual(await trips.notes(key), notes);
  });

  it('ends when all of it takes longer than it may, whatever its steps allow themselves', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, (mode) => (mode === 'do' ? 'later' : { kind: 'done', output: {} }));
    await trips.begin(key, 'short trip');
    assert.equal((await ended(key)).status, 'compensated');
  });

  it('that turned back while a command was dead undoes it and ends', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, () => {
      throw new Error('a fault of theirs');
    });
    await trips.begin(key, 'hasty trip');
    await until(key, ({ step }) => step === 'seat');
    const dies = `update kit.inbox set status = 'dead' where key = $1 and status = 'waiting' returning id`;
    let dead: { id: string }[] = [];
    while (dead.length === 0) dead = await trips.agencyDb.query<{ id: string }>(dies, [key]);
    assert.equal((await ended(key)).status, 'compensated', 'the undo does not wait for the dead command');
    const left = await trips.agencyDb.query('select from kit.inbox where key = $1', [key]);
    assert.deepEqual(left, [], 'and makes it pointless');
    const notes = await trips.notes(key);
    assert.deepEqual(
      notes.filter((what) => what.includes('seat')),
      [],
    );
    assert.equal(notes.at(-1), 'failed trip.too-slow');
  });

  it('that turned back while a command was dead needs nothing of it when it is skipped', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, (mode) => {
      if (mode === 'do') throw new Error('a fault of theirs');
      return { kind: 'done', output: {} };
    });
    await trips.begin(key, 'hasty trip');
    await until(key, ({ status }) => status === 'compensating');
    let dead: { id: string }[] = [];
    const dies = `update kit.inbox set status = 'dead' where key = $1 and body->'step'->>'mode' = 'do' and status = 'waiting' returning id`;
    while (dead.length === 0) dead = await trips.agencyDb.query<{ id: string }>(dies, [key]);
    await skip(
      trips.agencyDb,
      dead.map(({ id }) => id),
    );
    trips.agency.inbox.look();
    await ended(key);
    assert.deepEqual(
      (await trips.notes(key)).filter((what) => what.includes('seat')),
      [],
      'nothing was held, so nothing is let go',
    );
  });

  it('waits longer when a step says that it does', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, () => ({ kind: 'waiting', forMs: 60_000 }));
    await trips.begin(key, 'hasty trip');
    await sawStep(key, 'do seat');
    await sleep(1_200);
    assert.equal((await trips.row(key)).status, 'running');
    await answer(key, 'seat');
    assert.equal((await ended(key)).status, 'completed');
  });

  it('asks again after the pivot, and goes on with the first answer that comes', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`tickets ${key}`, () => 'later');
    await trips.begin(key, 'hasty trip');
    await until(key, ({ attempt }) => attempt >= 2);
    await Promise.all([answer(key, 'tickets'), answer(key, 'tickets')]);
    assert.equal((await ended(key)).status, 'completed');
    assert.deepEqual(await trips.notes(key), forward);
  });

  it('is stuck when a step after the pivot is refused, and goes on when a person has it tried again', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`tickets ${key}`, () => refused);
    await trips.begin(key);
    const { id, stuck } = await until(key, ({ status }) => status === 'stuck');
    assert.deepEqual(stuck, { reason: 'trip.full: It is full.', from: 'running' });
    assert.equal(await intervene(id, 'compensate'), 'past-pivot');
    trips.behaviour.agency.delete(`tickets ${key}`);
    assert.equal(await intervene(id, 'retry'), 'done');
    await ended(key);
    assert.deepEqual(await trips.notes(key), forward);
    assert.equal(await intervene(id, 'retry'), 'not-stuck');
  });

  it('goes on behind a step that a person skips', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`tickets ${key}`, () => refused);
    await trips.begin(key);
    const { id } = await until(key, ({ status }) => status === 'stuck');
    assert.equal(await intervene(id, 'skip'), 'done');
    await ended(key);
    assert.deepEqual(
      await trips.notes(key),
      forward.filter((what) => what !== 'do tickets'),
    );
  });

  it('is stuck when an undo is refused, and goes on undoing when a person has it tried again or skipped', async () => {
    for (const action of ['retry', 'skip'] as const) {
      const key = newKey();
      trips.behaviour.agency.set(`seat ${key}`, () => refused);
      trips.behaviour.agency.set(`room ${key}`, (mode) => (mode === 'undo' ? refused : { kind: 'done', output: {} }));
      await trips.begin(key);
      const { id, stuck } = await until(key, ({ status }) => status === 'stuck');
      assert.equal(stuck?.from, 'compensating');
      trips.behaviour.agency.delete(`room ${key}`);
      assert.equal(await intervene(id, action), 'done');
      assert.equal((await ended(key)).status, 'compensated');
      const undone = action === 'retry' ? ['undo room'] : [];
      assert.deepEqual(await trips.notes(key), ['do open', 'do room', ...undone, 'undo open', 'failed trip.full']);
    }
  });

  it('is stuck after ten tries of a step of its own, and a person can turn it back', async () => {
    const key = newKey();
    trips.behaviour.travel.set(`decide ${key}`, () => {
      throw new Error('a fault of ours');
    });
    trips.behaviour.agency.set(`seat ${key}`, (mode) => (mode === 'do' ? 'later' : { kind: 'done', output: {} }));
    await trips.begin(key);
    await sawStep(key, 'do seat');
    await answer(key, 'seat');
    await until(key, ({ step, attempt }) => step === 'decide' && attempt > 1);
    await trips.db.query('update kit.saga set attempt = 10, wake_at = now() where key = $1', [key]);
    const { id, stuck } = await until(key, ({ status }) => status === 'stuck');
    assert.deepEqual(stuck, { reason: 'a fault of ours', from: 'running' });
    assert.equal(await intervene(id, 'compensate'), 'done');
    assert.equal((await ended(key)).status, 'compensated');
    assert.deepEqual((await trips.notes(key)).slice(-4), [
      'undo seat',
      'undo room',
      'undo open',
      'failed saga.compensated',
    ]);
  });

  it('that fails for a reason of ours holds up no other, whether it begins with that or comes to it', async () => {
    const poison = Array.from({ length: 120 }, newKey);
    for (const [at, key] of poison.entries()) {
      trips.behaviour.travel.set(`${at % 2 ? 'open' : 'decide'} ${key}`, () => {
        throw new Error('a fault of ours');
      });
    }
    const good = Array.from({ length: 20 }, newKey);
    await Promise.all([...poison, ...good].map((key) => trips.begin(key)));
    for (const key of good) assert.equal((await ended(key)).status, 'completed');
    // Those that wait for their time are looked at in turn: one whose time comes now is not behind the failing ones for long.
    const slow = newKey();
    trips.behaviour.agency.set(`seat ${slow}`, (mode) => (mode === 'do' ? 'later' : { kind: 'done', output: {} }));
    await trips.begin(slow, 'hasty trip');
    assert.equal((await ended(slow)).status, 'compensated');
    for (const key of poison) assert.notEqual((await trips.row(key)).status, 'completed');
    trips.behaviour.travel.clear();
    await trips.db.query(`update kit.saga set wake_at = now() where status = 'running' and key = any($1)`, [poison]);
    for (const key of poison) assert.equal((await ended(key)).status, 'completed');
  });

  it('is turned back by a cancel before its pivot, and says so after it', async () => {
    const [early, late, over] = [newKey(), newKey(), newKey()];
    trips.behaviour.agency.set(`seat ${early}`, (mode) => (mode === 'do' ? 'later' : { kind: 'done', output: {} }));
    trips.behaviour.agency.set(`tickets ${late}`, () => 'later');
    await Promise.all([early, late, over].map((key) => trips.begin(key)));
    await Promise.all([sawStep(early, 'do seat'), sawStep(late, 'do tickets'), ended(over)]);
    assert.equal(await cancel(early), 'compensating');
    assert.equal(await cancel(late), 'past-pivot');
    assert.equal(await cancel(over), 'none');
    assert.equal(await cancel(newKey()), 'none');
    assert.equal((await ended(early)).failure?.code, 'trip.cancelled');
    assert.deepEqual((await trips.notes(early)).slice(-4), [
      'undo seat',
      'undo room',
      'undo open',
      'failed trip.cancelled',
    ]);
    await answer(late, 'tickets');
    assert.equal((await ended(late)).status, 'completed');
  });

  it('sends the command of a step past its pivot again also when a cancel has come too late', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`tickets ${key}`, () => 'later');
    await trips.begin(key);
    await sawStep(key, 'do tickets');
    assert.equal(await cancel(key), 'past-pivot');
    await trips.db.query('update kit.saga set wake_at = now() where key = $1 and wake_at is not null', [key]);
    await until(key, ({ step, attempt }) => step === 'tickets' && attempt === 2);
    await answer(key, 'tickets');
    assert.equal((await ended(key)).status, 'completed');
  });

  it('that stands at a step of a newer program is left to that', async () => {
    const [newer, hasty] = [newKey(), newKey()];
    for (const key of [newer, hasty])
      trips.behaviour.agency.set(`seat ${key}`, (mode) => (mode === 'do' ? 'later' : { kind: 'done', output: {} }));
    await trips.begin(newer);
    await sawStep(newer, 'do seat');
    await trips.db.query(`update kit.saga set step = 'choose a meal', wake_at = now() where key = $1`, [newer]);
    // Its time comes after that of the other, in the same look or a later one.
    await trips.begin(hasty, 'hasty trip');
    assert.equal((await ended(hasty)).status, 'compensated');
    const { status, step, attempt } = await trips.row(newer);
    assert.deepEqual([status, step, attempt], ['running', 'choose a meal', 1]);
    await trips.db.query(`update kit.saga set step = 'seat' where key = $1`, [newer]);
    await answer(newer, 'seat');
    await ended(newer);
  });

  it('that a newer program with more steps has moved is left to that: by its timer, its answers, cancels and people', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, () => 'later');
    await trips.begin(key);
    await sawStep(key, 'do seat');
    await trips.db.query(`update kit.saga set steps = steps || '{choose a meal}', wake_at = now() where key = $1`, [
      key,
    ]);
    await answer(key, 'seat');
    const hasty = newKey();
    trips.behaviour.agency.set(`seat ${hasty}`, (mode) => (mode === 'do' ? 'later' : { kind: 'done', output: {} }));
    await trips.begin(hasty, 'hasty trip');
    assert.equal((await ended(hasty)).status, 'compensated');
    await assert.rejects(cancel(key), { code: 'service.unavailable' });
    const { status, step, attempt } = await trips.row(key);
    assert.deepEqual([status, step, attempt], ['running', 'seat', 1]);
    const stand = (how: string, stuck: object | null) =>
      trips.db.query('update kit.saga set status = $2, stuck = $3 where key = $1', [key, how, stuck]);
    await stand('stuck', { reason: 'a test', from: 'running' });
    assert.equal(await intervene((await trips.row(key)).id, 'retry'), 'service.unavailable');
    await stand('running', null);
    await trips.db.query(
      `update kit.saga set steps = array_remove(steps, 'choose a meal'), wake_at = null where key = $1`,
      [key],
    );
    assert.equal((await ended(key)).status, 'completed');
    assert.deepEqual(await trips.notes(key), forward);
  });

  it('that an older program began knows the steps of the one that goes on with it', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, () => 'later');
    await trips.begin(key);
    await sawStep(key, 'do seat');
    const steps = async () =>
      (await trips.db.query<{ steps: string[] }>('select steps from kit.saga where key = $1', [key]))[0]?.steps;
    const all = await steps();
    await trips.db.query('update kit.saga set steps = steps[2:] where key = $1', [key]);
    await answer(key, 'seat');
    assert.equal((await ended(key)).status, 'completed');
    assert.deepEqual(await steps(), all);
  });

  it('of a newer program keeps its answer until that hears it, however often this one meets it', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, () => 'later');
    await trips.begin(key);
    await sawStep(key, 'do seat');
    const call = (definition: string) =>
      trips.db.query('update kit.saga set definition = $2 where key = $1', [key, definition]);
    await call('a newer trip');
    await answer(key, 'seat');
    const met = new Set<number>();
    for (const endMs = performance.now() + 20_000; met.size < 2; await sleep(10)) {
      assert.ok(performance.now() < endMs, 'it is tried again and again');
      const [row] = await trips.db.query<{ status: string; attempts: number; at: number }>(
        `select status, attempts, extract(epoch from due_at)::float8 as at from kit.inbox where key = $1`,
        [key],
      );
      if (!row) continue;
      assert.deepEqual([row.status, row.attempts], ['waiting', 0]);
      met.add(row.at);
    }
    await call('trip');
    assert.equal((await ended(key)).status, 'completed');
    assert.deepEqual(await trips.notes(key), forward);
  });

  it('that is stuck before its pivot is turned back by a cancel as well', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, (mode) =>
      mode === 'do' ? { kind: 'superseded' } : { kind: 'done', output: {} },
    );
    await trips.begin(key);
    await until(key, ({ status }) => status === 'stuck');
    assert.equal(await cancel(key), 'compensating');
    assert.equal((await ended(key)).status, 'compensated');
    assert.equal((await trips.row(key)).stuck, null);
  });

  it('hears an answer once, however often it comes, and none to a step it does not stand at', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, () => 'later');
    await trips.begin(key);
    await sawStep(key, 'do seat');
    await answer(key, 'tickets');
    await answer(key, 'seat', 'undo');
    await Promise.all(Array.from({ length: 5 }, () => answer(key, 'seat')));
    await ended(key);
    assert.deepEqual(await trips.notes(key), forward);
  });

  it('is left alone when it has moved on while somebody came to wake it', async () => {
    const key = newKey();
    trips.behaviour.agency.set(`seat ${key}`, () => 'later');
    await trips.begin(key);
    await sawStep(key, 'do seat');
    await until(key, ({ step }) => step === 'seat');
    const { id } = await trips.row(key);
    await trips.db.query(`update kit.saga set wake_at = now() + interval '200 ms' where id = $1`, [id]);
    await trips.db.transaction(async (tx) => {
      await tx.query('select from kit.saga where id = $1 for update', [id]);
      for (let waiting = 0; waiting === 0; await sleep(10)) {
        const rows = await trips.db.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%kit.saga%'`,
          [],
        );
        waiting = rows.length;
      }
      await tx.query(`update kit.saga set wake_at = now() + interval '1 hour' where id = $1`, [id]);
    });
    await sleep(100);
    assert.equal((await trips.row(key)).status, 'running');
    await answer(key, 'seat');
    assert.equal((await ended(key)).status, 'completed');
  });

  it('is moved once by two processes side by side', async () => {
    await trips.another();
    const keys = Array.from({ length: 60 }, newKey);
    for (const [at, key] of keys.entries()) if (at % 3 === 0) trips.behaviour.agency.set(`seat ${key}`, () => refused);
    await Promise.all(keys.map((key, at) => trips.begin(key, at % 2 ? 'trip' : 'hasty trip')));
    for (const [at, key] of keys.entries()) {
      await ended(key);
      const notes = await trips.notes(key);
      // The hasty ones turn back where the machine is slow, and nothing of that happens twice either.
      if (at % 2 === 0 && notes.at(-1) === 'failed trip.too-slow')
        assert.deepEqual([new Set(notes).size, notes.includes('undo open')], [notes.length, true]);
      else if (at % 3 !== 0) assert.deepEqual(notes, forward);
      else assert.deepEqual(notes, ['do open', 'do room', 'undo room', 'undo open', 'failed trip.full']);
    }
  });

  async function intervene(id: string, action: 'retry' | 'skip' | 'compensate'): Promise<string> {
    const call = { params: { id }, body: { reason: 'a test' } };
    const route = trips.travel.definition.routes?.[`${action}Saga`] as (
      call: unknown,
      service: unknown,
    ) => Promise<unknown>;
    return route(call, trips.travel.service).then(
      () => 'done',
      (error: { code: string; message: string }) =>
        /point of no return/.test(error.message) ? 'past-pivot' : error.code.replace('saga.', ''),
    );
  }

  const cancel = (key: string) =>
    trips.db.transaction((tx) =>
      trips.travel.service.sagas.cancel(tx, 'trip', key, { code: 'trip.cancelled', detail: 'No thanks.' }),
    );
});
