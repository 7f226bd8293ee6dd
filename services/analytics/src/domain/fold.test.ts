import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '@stoa/platform/ids';
import fc from 'fast-check';
import { cancelled, confirmed, refunded, registered, rejected, testOrder } from '../testing/events.ts';
import { fold } from './fold.ts';

test('a confirmed order becomes one fact with its lines', () => {
  const order = testOrder();
  const facts = fold([confirmed(order)]);
  assert.equal(facts.orders.length, 1);
  assert.deepEqual(
    { total: facts.orders[0]!.total, currency: facts.orders[0]!.currency, confirmed: facts.orders[0]!.confirmed },
    { total: 1530, currency: 'GBP', confirmed: true },
  );
  assert.deepEqual(
    facts.lines.map((line) => [line.sku, line.quantity, line.amount]),
    [['85123A', 6, 1530]],
  );
});

test('lines of one order that repeat a SKU stay lines', () => {
  const line = { sku: 'A', productId: newId(), quantity: 1, price: 100 };
  assert.equal(fold([confirmed(testOrder({ lines: [line, line] }))]).lines.length, 2);
});

test('a cancelled order keeps that it was confirmed', () => {
  const order = testOrder();
  const [fact] = fold([confirmed(order), cancelled(order)]).orders;
  assert.deepEqual([fact!.confirmed, fact!.cancelled, fact!.rejected], [true, true, false]);
});

test('staff who get an account are no new customers', () => {
  assert.equal(fold([registered('2010-12-01T00:00:00.000Z', 'support')]).customers.length, 0);
});

test('events that analytics does not know change nothing', () => {
  assert.deepEqual(fold([{ type: 'order.placed.v1', payload: {} }]), {
    orders: [],
    lines: [],
    refunds: [],
    customers: [],
  });
});

test('any order and repetition of the same events folds to the same facts', () => {
  const a = testOrder();
  const b = testOrder({ lines: [{ sku: 'B', productId: newId(), quantity: 2, price: 10 }] });
  const events = [
    confirmed(a),
    refunded(a, 100, '2010-12-02T00:00:00.000Z'),
    cancelled(a),
    confirmed(b),
    refunded(b, 5, '2010-12-03T00:00:00.000Z'),
    rejected(testOrder()),
    registered('2010-12-01T00:00:00.000Z'),
  ];
  const whole = fold(events);
  const arrivals = fc.tuple(
    fc.shuffledSubarray(events, { minLength: events.length }),
    fc.array(fc.constantFrom(...events), { maxLength: 10 }),
  );
  fc.assert(fc.property(arrivals, ([once, again]) => assert.deepEqual(fold([...again, ...once, ...again]), whole)));
});
