import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findAppError, refusal } from '../errors/index.ts';
import { newId } from '../ids/index.ts';
import type { Operation, Principal } from '../schema/index.ts';
import type { Answer, Call, Service } from '../service/index.ts';
import { Database, migrate, readMigrations, type Tx } from '../sql/index.ts';
import { type TestDatabase, testDatabase } from '../testing/index.ts';
import { eraseAnswers, forgetOldKeys, type OnceSteps, once } from './index.ts';

const alice: Principal = {
  kind: 'user',
  userId: newId(),
  role: 'customer',
  name: 'Alice',
  email: 'alice@example.com',
} as never;
const bob: Principal = {
  kind: 'user',
  userId: newId(),
  role: 'customer',
  name: 'Bob',
  email: 'bob@example.com',
} as never;
const guest: Principal = { kind: 'anonymous' } as never;
const operation = { method: 'POST', path: '/things', statuses: [201], idempotency: 'required' } as unknown as Operation;

interface Asked {
  readonly key?: string | undefined;
  readonly body?: string;
  readonly principal?: Principal;
}

describe('a request with an Idempotency-Key', () => {
  let server: TestDatabase;
  /** Two processes on one database. */
  const services: Service<never>[] = [];

  before(async () => {
    server = await testDatabase('idempotency');
    for (const name of ['one', 'other']) {
      const db = new Database({ url: server.url, name, connectionsMax: 20 });
      services.push({
        db,
        contract: { errors: { 'thing.sold': { status: 409, title: 'It is sold' } } },
      } as unknown as Service<never>);
    }
    await migrate(db(), 'kit', await readMigrations(new URL('../../migrations/', import.meta.url)));
    await db().query('create table thing (id uuid, body text)');
  });
  after(async () => {
    await Promise.all(services.map((service) => service.db.close()));
    await server.drop();
  });

  const db = (at = 0) => (services[at] as Service<never>).db;
  const things = async (body: string) =>
    (await db().query<{ id: string }>('select id from thing where body = $1', [body])).map(({ id }) => id);

  /** Makes a thing, as a handler would. */
  function make(body: string, steps: Partial<OnceSteps<{ id: string }>> = {}): OnceSteps<{ id: string }> {
    return {
      async work(tx: Tx) {
        const id = newId();
        await tx.query('insert into thing values ($1, $2)', [id, body]);
        return { resource: id, answer: { body: { id }, version: 1, headers: { location: `/things/${id}` } } };
      },
      ...steps,
    };
  }

  function ask(
    { key = newId(), body = newId(), principal = alice }: Asked,
    steps: OnceSteps<{ id: string }> = make(body),
    at = 0,
  ): Promise<Answer> {
    const call = {
      operation,
      params: {},
      principal,
      idempotencyKey: key,
      fingerprint: body.padEnd(64, '0'),
      cause: { correlationId: 'test', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    } as unknown as Call;
    return once(call, services[at] as Service<never>, steps);
  }
  const codeOf = (error: unknown) => findAppError(error)?.code;
  const textOf = (answer: Answer) => answer.rawBody;

  it('has its effect once and gives the first answer again, byte for byte, and says so', async () => {
    const asked = { key: newId(), body: newId() };
    const first = await ask(asked);
    const again = await ask(asked);
    assert.equal(textOf(again), textOf(first));
    assert.equal(again.status, 201);
    assert.deepEqual(
      [again.headers?.['idempotency-replayed'], again.headers?.etag, again.headers?.location],
      ['true', '"1"', first.headers?.location],
    );
    assert.equal(first.headers?.['idempotency-replayed'], undefined);
    assert.equal((await things(asked.body)).length, 1);
  });

  it('has one winner of fifty at once, in two processes: the others get its bytes or are told to wait', async () => {
    const asked = { key: newId(), body: newId() };
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, (_, at) => ask(asked, make(asked.body), at % 2)),
    );
    assert.equal((await things(asked.body)).length, 1);
    const texts = new Set(
      outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [textOf(outcome.value)] : [])),
    );
    assert.equal(texts.size, 1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') assert.equal(codeOf(outcome.reason), 'idempotency.in-progress');
    }
  });

  it('shares its commit with others and is still only its own', async () => {
    const asked = Array.from({ length: 20 }, () => ({ key: newId(), body: newId() }));
    const grouped = (body: string) => make(body, { grouped: true });
    const answers = await Promise.all(
      [...asked, ...asked].map((one, at) => ask(one, grouped(one.body), at < 20 ? 0 : 1)),
    );
    for (const [at, one] of asked.entries()) {
      assert.equal(textOf(answers[at] as Answer), textOf(answers[at + 20] as Answer));
      assert.equal((await things(one.body)).length, 1);
    }
  });

  it('with another body is refused, before and after the answer', async () => {
    const key = newId();
    await ask({ key, body: 'a' });
    await assert.rejects(ask({ key, body: 'b' }), (error) => codeOf(error) === 'idempotency.key-reused');
    assert.deepEqual(await things('b'), []);
  });

  it('is told to wait while the first one runs, in its process and in another', async () => {
    const asked = { key: newId(), body: newId() };
    let letGo = (): void => undefined;
    const settling = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const slow = make(asked.body, {
      work: async (tx) => {
        await tx.query('insert into thing values ($1, $2)', [newId(), asked.body]);
        return { resource: 'the thing' };
      },
      settle: async () => {
        await settling;
        return { body: { id: 'settled' } };
      },
    });
    const first = ask(asked, slow);
    while ((await things(asked.body)).length === 0) await sleep(5);
    // Longer than a holder that had died would be waited for.
    await sleep(3_500);
    const hasty = { ...slow, settle: async () => ({ body: { id: 'taken over' } }) };
    const told = await Promise.allSettled([0, 1].map((at) => ask(asked, hasty, at)));
    letGo();
    assert.deepEqual(
      told.map((outcome) => outcome.status === 'rejected' && codeOf(outcome.reason)),
      ['idempotency.in-progress', 'idempotency.in-progress'],
    );
    assert.equal(textOf(await first), '{"id":"settled"}');
    assert.equal(textOf(await ask(asked, slow, 1)), '{"id":"settled"}');
  });

  it('whose process died before it answered is resumed: nothing is done again, and everybody who resumes it gives the same bytes', async () => {
    const asked = { key: newId(), body: newId() };
    const dying = make(asked.body, {
      work: async (tx) => {
        await tx.query('insert into thing values ($1, $2)', [newId(), asked.body]);
        return { resource: 'the thing' };
      },
      settle: () => Promise.reject(new Error('killed')),
    });
    await assert.rejects(ask(asked, dying), /killed/);
    let settled = 0;
    const resuming = {
      ...dying,
      settle: async (resource: string) => ({ body: { id: `${resource}, settled ${++settled}` } }),
    };
    await assert.rejects(ask(asked, resuming, 1), (error) => codeOf(error) === 'idempotency.in-progress');
    await db().query('update kit.idempotency set held_until = now() where status is null');
    const outcomes = await Promise.allSettled([0, 1, 0, 1].map((at) => ask(asked, resuming, at)));
    const texts = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [textOf(outcome.value)] : []));
    assert.equal(new Set([...texts, textOf(await ask(asked, resuming))]).size, 1);
    assert.equal((await things(asked.body)).length, 1);
  });

  it('whose process died is resumed by somebody who never stops asking', async () => {
    const asked = { key: newId(), body: newId() };
    const dying = make(asked.body, {
      work: () => ({ resource: 'x' }),
      settle: () => Promise.reject(new Error('killed')),
    });
    await assert.rejects(ask(asked, dying), /killed/);
    const resuming = { ...dying, settle: async () => ({ body: { id: 'resumed' } }) };
    const patience = AbortSignal.timeout(20_000);
    let answer: Answer | undefined;
    while (answer === undefined && !patience.aborted) answer = await ask(asked, resuming, 1).catch(() => undefined);
    assert.equal(answer?.rawBody, '{"id":"resumed"}');
  });

  it('that two resume at once has the answer of whoever is first', async () => {
    const asked = { key: newId(), body: newId() };
    const dying = make(asked.body, {
      work: () => ({ resource: 'x' }),
      settle: () => Promise.reject(new Error('killed')),
    });
    await assert.rejects(ask(asked, dying));
    const begun = Promise.withResolvers<void>();
    const answerAfter = (ms: number, id: string) => ({
      ...dying,
      settle: async () => {
        begun.resolve();
        await sleep(ms);
        return { body: { id } };
      },
    });
    await db().query('update kit.idempotency set held_until = now() where status is null');
    const slow = ask(asked, answerAfter(1_500, 'slow'), 0);
    await begun.promise;
    let quick: Answer | undefined;
    // The slow one lives and renews its hold; this one comes between two renewals, as if the process had stood still.
    for (let tries = 0; quick === undefined && tries < 20; tries++) {
      await db().query('update kit.idempotency set held_until = now() where status is null');
      quick = await ask(asked, answerAfter(0, 'quick'), 1).catch(() => undefined);
    }
    assert.deepEqual([quick?.rawBody, textOf(await slow)], ['{"id":"quick"}', '{"id":"quick"}']);
  });

  it('belongs to its caller: users, and guests by their e-mail in any spelling', async () => {
    const key = newId();
    const bodies = ['alice', 'bob', 'guest', 'guest'];
    const ids: (string | undefined)[] = [];
    const guests = [undefined, undefined, 'Guest@Example.com', ' guest@example.COM '];
    for (const [at, principal] of [alice, bob, guest, guest].entries()) {
      ids.push(
        textOf(
          await ask({ key, body: bodies[at] as string, principal }, make(bodies[at] as string, { guest: guests[at] })),
        ),
      );
    }
    assert.equal(new Set(ids).size, 3);
    assert.equal(ids[2], ids[3]);
  });

  it('keeps a refusal that its work came to after the commit', async () => {
    const asked = { key: newId(), body: newId() };
    let settled = 0;
    const refusing = make(asked.body, {
      work: () => ({ resource: 'x' }),
      settle: () => Promise.reject(refusal('thing.sold', `Somebody was quicker, for the time ${++settled}.`)),
    });
    const first = await ask(asked, refusing);
    assert.equal(first.status, 409);
    for (const at of [0, 1]) {
      const again = await ask(asked, refusing, at);
      assert.deepEqual(
        [again.status, textOf(again), again.headers?.['idempotency-replayed']],
        [409, textOf(first), 'true'],
      );
    }
  });

  it('keeps a refusal as the answer, even when it could be granted later', async () => {
    const asked = { key: newId(), body: newId() };
    const refusing = make(asked.body, { work: () => Promise.reject(refusal('thing.sold', 'Somebody was quicker.')) });
    const first = await ask(asked, refusing);
    const again = await ask(asked);
    assert.equal(first.status, 409);
    assert.equal((JSON.parse(String(first.rawBody)) as { code: string }).code, 'thing.sold');
    assert.deepEqual([again.status, textOf(again)], [409, textOf(first)]);
    assert.deepEqual(await things(asked.body), []);
  });

  it('prepares once and with no transaction open, and keeps what that refuses as the answer', async () => {
    const open = () =>
      db(1).query(
        `select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
      );
    const preparing = make('', {
      prepare: async () => assert.deepEqual(await open(), []),
    });
    assert.equal((await ask({}, preparing)).status ?? 201, 201);
    const asked = { key: newId(), body: newId() };
    const refusing = make(asked.body, { prepare: () => Promise.reject(refusal('thing.sold', 'It is gone.')) });
    const first = await ask(asked, refusing);
    assert.deepEqual([first.status, textOf(await ask(asked))], [409, textOf(first)]);
    assert.deepEqual(await things(asked.body), []);
  });

  it('that was answered is answered again though nothing can be prepared', async () => {
    const asked = { key: newId(), body: newId() };
    const cannot = make(asked.body, { prepare: () => Promise.reject(new Error('nobody can be asked')) });
    await assert.rejects(ask(asked, cannot), /nobody can be asked/);
    const first = await ask(asked);
    assert.equal(textOf(await ask(asked, cannot)), textOf(first));
    await assert.rejects(
      ask({ ...asked, body: newId() }, cannot),
      (error) => codeOf(error) === 'idempotency.key-reused',
    );
  });

  it('does not keep a fault: the same request may succeed later', async () => {
    const asked = { key: newId(), body: newId() };
    await assert.rejects(
      ask(asked, make(asked.body, { work: () => Promise.reject(new Error('a fault of ours')) })),
      /a fault of ours/,
    );
    await ask(asked);
    assert.equal((await things(asked.body)).length, 1);
  });

  it('gives secrets with every answer and stores them in none', async () => {
    const asked = { key: newId(), body: newId() };
    const steps = make(asked.body, { secrets: (resource) => ({ token: `secret of ${resource}` }) });
    const first = await ask(asked, steps);
    assert.match(String(first.rawBody), /"token":"secret of /);
    assert.equal(textOf(await ask(asked, steps)), textOf(first));
    const stored = await db().query(`select from kit.idempotency where body like '%secret%'`, []);
    assert.equal(stored.length, 0);
  });

  it('without a key just happens, each time', async () => {
    const body = newId();
    const call = { operation, params: {}, principal: alice, cause: { correlationId: 'test' } } as unknown as Call;
    await once(call, services[0] as Service<never>, make(body));
    await once(call, services[0] as Service<never>, make(body));
    assert.equal((await things(body)).length, 2);
  });

  it('is forgotten after seven days; what it was answered is erased with the person, but not that it was used', async () => {
    const [old, erased] = [
      { key: newId(), body: newId() },
      { key: newId(), body: newId() },
    ];
    const [first, second] = [await ask(old), await ask(erased)];
    const idOf = (answer: Answer) => (JSON.parse(String(answer.rawBody)) as { id: string }).id;
    await db().query(`update kit.idempotency set created_at = now() - interval '8 days' where resource = $1`, [
      idOf(first),
    ]);
    await forgetOldKeys(db());
    assert.notEqual(textOf(await ask(old)), textOf(first));
    await eraseAnswers(db(), [idOf(second)]);
    assert.equal(textOf(await ask(erased)), '{}');
    assert.equal((await things(erased.body)).length, 1);
  });

  it('whose answer is erased while it is worked out tells it to whoever waits, and keeps nothing of it', async () => {
    const asked = { key: newId(), body: newId() };
    const steps = make(asked.body, {
      async settle(resource) {
        await eraseAnswers(db(1), [resource]);
        return { body: { id: resource } };
      },
    });
    const inTwo = { ...steps, work: async (tx: Tx) => ({ resource: (await steps.work(tx)).resource }) };
    const told = textOf(await ask(asked, inTwo));
    const [id] = await things(asked.body);
    assert.equal(told, JSON.stringify({ id }));
    assert.equal(textOf(await ask(asked, inTwo)), '{}');
  });
});
