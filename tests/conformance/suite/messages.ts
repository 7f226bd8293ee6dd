import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { type TestShop, until } from '../../shop.ts';
import type { Conformance } from '../conform.ts';
import { type Fault, hurryToTheEnd, openFault } from './fault.ts';
import { countedBy, lettersOf, lettersWhen } from './letters.ts';
import { registered, sendToAnalytics } from './send.ts';

/** What becomes of a message: once, again, never, or later. */
export function messages({ place, test }: Conformance): void {
  let shop: TestShop;
  let fault: Fault;
  before(async () => {
    ({ shop } = place());
    fault = await openFault(place());
    await shop.settled();
  });
  after(() => fault?.mend());

  const customers = async () => (await countedBy(shop)).newCustomers;
  const customersWhen = (count: number) => until(customers, (counted) => counted === count);

  test('delivered three times, in one go and later, it takes effect once', async () => {
    const before = await customers();
    const message = registered(newId());
    await sendToAnalytics(place(), [message, message]);
    await customersWhen(before + 1);
    const last = registered(newId());
    await sendToAnalytics(place(), [message, last]);
    await customersWhen(before + 2);
    await shop.settled();
    return { sent: 4, counted: (await customers()) - before, letters: (await lettersOf(shop)).length };
  });

  test('one that fails is tried again until it is carried out, and then counts once', async () => {
    const before = await customers();
    const userId = newId();
    await fault.plant('user.registered.v1', userId, 3);
    await sendToAnalytics(place(), [registered(userId)]);
    await customersWhen(before + 1);
    await shop.settled();
    return { counted: (await customers()) - before, letters: (await lettersOf(shop)).length };
  });

  test('one that fails every time is dead, says why, and takes effect once when it is redriven', async () => {
    const before = await customers();
    const userId = newId();
    const message = registered(userId);
    await fault.plant('user.registered.v1', userId);
    await sendToAnalytics(place(), [message]);
    await hurriedUntilDead(1);
    const [letter] = await lettersOf(shop);
    assert.equal(letter?.id, message.id);
    assert.equal(letter.correlationId, message.cause.correlationId);
    const whileDead = (await customers()) - before;
    await fault.mend();
    const redrive = () =>
      shop.expectAdmin<{ redriven: number; partial: string[] }>(200, 'POST', '/api/v1/ops/dead-letters/redrive', {
        body: { ids: [message.id] },
      });
    const first = await redrive();
    await customersWhen(before + 1);
    // Once more, by hand and by whoever delivers it again.
    const second = await redrive();
    const last = registered(newId());
    await sendToAnalytics(place(), [message, last]);
    await customersWhen(before + 2);
    await shop.settled();
    const { type, state, attempts, error } = letter;
    return {
      letter: { type, state, attempts, error },
      whileDead,
      first,
      second,
      counted: (await customers()) - before,
    };
  });

  test('one of a version that nobody knows is parked, and the others of its key go on once it is given up', async () => {
    const before = await customers();
    const known = registered(newId());
    const unknown = { ...registered(newId()), type: 'user.registered.v9', key: known.key };
    await sendToAnalytics(place(), [unknown]);
    const [letter] = await lettersWhen(shop, 1);
    assert.equal(letter?.id, unknown.id);
    await sendToAnalytics(place(), [known, registered(newId())]);
    await customersWhen(before + 1);
    const { redriven } = await shop.expectAdmin<{ redriven: number }>(200, 'POST', '/api/v1/ops/dead-letters/redrive', {
      body: { ids: [unknown.id] },
    });
    const held = (await customers()) - before;
    const skipped = await skip(unknown.id);
    await customersWhen(before + 2);
    const { type, state, error } = letter;
    return { letter: { type, state, error }, redriven, held, skipped, letters: (await lettersOf(shop)).length };
  });

  test('one that is not what its type promises dies, and stays dead until somebody gives it up', async () => {
    const before = await customers();
    const good = registered(newId());
    const bad = { ...registered(newId()), key: good.key, payload: { userId: 7, role: 'customer', extra: true } };
    await sendToAnalytics(place(), [bad, good]);
    await hurriedUntilDead(1);
    const [letter] = await lettersOf(shop);
    assert.equal(letter?.id, bad.id);
    await shop.expectAdmin(200, 'POST', '/api/v1/ops/dead-letters/redrive', { body: { all: true } });
    await hurriedUntilDead(1);
    const held = (await customers()) - before;
    const skipped = await skip(bad.id);
    await customersWhen(before + 1);
    await shop.settled();
    const { type, state, attempts, error } = letter;
    return { type, state, attempts, error: error.replace(bad.id, '…'), held, skipped };
  });

  test('one that no database takes is dead at once, and holds back those behind it of its key and nobody else', async () => {
    const before = await customers();
    const bad = { ...registered(newId()), payload: { note: 'a\0b' } };
    const behind = { ...registered(newId()), key: bad.key };
    await sendToAnalytics(place(), [bad, behind, registered(newId())]);
    await customersWhen(before + 1);
    const [letter] = await lettersWhen(shop, 1);
    assert.equal(letter?.id, bad.id);
    const held = (await customers()) - before;
    const { redriven } = await shop.expectAdmin<{ redriven: number }>(200, 'POST', '/api/v1/ops/dead-letters/redrive', {
      body: { all: true },
    });
    const skipped = await skip(bad.id);
    await customersWhen(before + 2);
    await shop.settled();
    const { type, state, attempts, error } = letter;
    return { type, state, attempts, error, held, redriven, skipped, letters: (await lettersOf(shop)).length };
  });

  async function hurriedUntilDead(count: number): Promise<void> {
    await until(
      async () => {
        await hurryToTheEnd(place());
        return (await lettersOf(shop)).filter(({ state }) => state === 'dead').length;
      },
      (dead) => dead === count,
    );
  }

  function skip(id: string): Promise<unknown> {
    return shop.expectAdmin(200, 'POST', '/api/v1/ops/dead-letters/skip', {
      body: { ids: [id], reason: 'it means nothing' },
    });
  }
}
