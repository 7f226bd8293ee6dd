import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { commit, receive, reserve, startTestInventory, type TestInventory } from '../testing/hosted.ts';
import { checkInvariants } from './check-invariants.ts';

let shop: TestInventory;
beforeEach(async () => {
  shop = await startTestInventory();
  const [sold, held] = [newId(), newId()];
  await Promise.all([receive(shop, 'CUP', 9), receive(shop, 'JAR', 9)]);
  await shop.carryOut([sold, held].map((order) => reserve(order, [{ sku: 'CUP', quantity: 2 }])));
  await shop.carryOut([commit(sold)]);
});
afterEach(() => shop.close());

const wrong = async () =>
  (await checkInvariants(shop.service)).flatMap(({ name, held, violations }) =>
    held ? [] : [`${name}: ${violations[0]?.witness.split(':')[0]}`],
  );

describe('the invariants of stock', () => {
  it('hold while nobody tampers with the tables', async () => {
    assert.deepEqual(await wrong(), []);
    assert.deepEqual(
      (await checkInvariants(shop.service)).map(({ checked }) => checked),
      [2, 2],
    );
  });

  const damages: [string, string, string[]][] = [
    [
      'units on hand that came from nowhere',
      `update stock set on_hand = on_hand + 1 where sku = 'CUP'`,
      ['I1: CUP at main'],
    ],
    [
      'less on hand than is reserved',
      `update stock set on_hand = 0, damaged = damaged + on_hand where sku = 'CUP'`,
      ['I1: CUP at main'],
    ],
    ['a movement that is missing', `delete from ledger where kind = 'received' and sku = 'JAR'`, ['I1: JAR at main']],
    ['a movement that never was', `update ledger set quantity = quantity + 1 where kind = 'sold'`, ['I1: CUP at main']],
    ['units reserved for nobody', `update stock set reserved = reserved + 1 where sku = 'JAR'`, ['I2: JAR at main']],
    [
      'an order that holds what is not reserved',
      `update reservation set quantity = 3 where state = 'held'`,
      ['I2: CUP at main'],
    ],
    ['a sale of no order', `delete from reservation where state = 'sold'`, ['I2: CUP at main']],
    [
      'goods that an order never gave back',
      `update reservation set returned = 1 where state = 'sold'`,
      ['I2: CUP at main'],
    ],
    ['stock that has vanished', `delete from stock where sku = 'JAR'`, ['I1: JAR at main', 'I2: JAR at main']],
  ];
  for (const [damage, statement, expected] of damages) {
    it(`name ${damage}`, async () => {
      await shop.db.query(
        'alter table stock drop constraint stock_adds_up, drop constraint stock_covers_reserved',
        undefined,
      );
      await shop.db.query(statement);
      assert.deepEqual(await wrong(), expected);
    });
  }

  it('are kept by the table itself', async () => {
    for (const change of ['on_hand = on_hand + 1', 'reserved = on_hand + 1', 'sold = -1, on_hand = on_hand + 3']) {
      await assert.rejects(shop.db.query(`update stock set ${change} where sku = 'CUP'`), /violates check constraint/);
    }
  });
});
