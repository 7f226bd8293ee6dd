import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Reservation } from './reservation.ts';
import { cancelLines, returnLines } from './restock.ts';

const bought: Reservation = { orderId: 'o', sku: 'CUP', locationId: 'main', quantity: 3, returned: 0, state: 'sold' };
const cups = (quantity: number) => new Map([['CUP', quantity]]);

describe('goods that come back', () => {
  it('are put back where they were taken from, until everything is back', () => {
    const rows = [bought, { ...bought, locationId: 'north', quantity: 2 }];
    const moves = returnLines(rows, cups(4));
    assert.deepEqual(
      moves?.map(({ after, change }) => [after.locationId, after.returned, change.onHand]),
      [
        ['main', 3, 3],
        ['north', 1, 1],
      ],
    );
  });

  it('cannot be more than were sold and are still out', () => {
    assert.equal(returnLines([{ ...bought, returned: 2 }], cups(2)), undefined);
    assert.equal(returnLines([{ ...bought, state: 'held' }], cups(1)), undefined);
    assert.equal(returnLines([], cups(1)), undefined);
  });

  it('leave the sale as it is', () => {
    assert.equal(returnLines([bought], cups(1))?.[0]?.change.sold, 0);
  });
});

describe('a cancelled order', () => {
  it('counts no longer as sold', () => {
    const [move] = cancelLines([bought], cups(3));
    assert.deepEqual(move?.change, { onHand: 3, reserved: 0, returned: 0, sold: -3 });
    assert.equal(move?.after.state, 'released');
  });

  it('brings units that came back before onto the shelf only once', () => {
    const [move] = cancelLines([{ ...bought, returned: 1 }], cups(3));
    assert.deepEqual(move?.change, { onHand: 2, reserved: 0, returned: -1, sold: -3 });
  });

  it('lets go what it still holds', () => {
    const [move] = cancelLines([{ ...bought, state: 'held' }], cups(3));
    assert.deepEqual(move?.change, { onHand: 0, reserved: -3, returned: 0, sold: 0 });
    assert.equal(move?.after.state, 'released');
  });

  it('keeps the units that are not cancelled', () => {
    const [move] = cancelLines([{ ...bought, returned: 2 }], cups(2));
    assert.deepEqual(move?.change, { onHand: 1, reserved: 0, returned: -1, sold: -2 });
    assert.partialDeepStrictEqual(move?.after, { quantity: 1, returned: 1, state: 'sold' });
  });

  it('takes back nothing twice', () => {
    assert.deepEqual(cancelLines([{ ...bought, state: 'released' }], cups(3)), []);
  });
});
