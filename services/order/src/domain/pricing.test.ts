import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import { amountMax } from '@stoa/platform/schema';
import { type CatalogueEntry, priceLines, type RequestedItem, totalsOf } from './pricing.ts';

const eur = (amount: number) => ({ amount, currency: 'EUR' });

function selling(...products: [sku: string, amount: number][]): ReadonlyMap<string, CatalogueEntry> {
  const entries = products.map(([sku, amount]): [string, CatalogueEntry] => [
    sku,
    { sku, productId: newId(), title: sku, price: eur(amount), prices: [], status: 'active' },
  ]);
  return new Map(entries);
}

const catalogue = selling(['PEN', 250], ['GOLD', amountMax], ['SHIP', 600_000_000_000]);
const price = (...items: RequestedItem[]) => priceLines(items, catalogue, { currency: 'EUR', newId });

/** The code of the refusal and the places that it names. */
function refusalOf(work: () => unknown): [code: string, ...paths: string[]] {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return [error.code, ...(error.errors ?? []).map(({ path }) => path)];
    throw error;
  }
  return ['accepted'];
}

describe('pricing an order', () => {
  it('takes a line up to the most that can be paid at once', () => {
    const [line] = price({ sku: 'gold', quantity: 1 });
    assert.deepEqual(line?.lineTotal, eur(amountMax));
  });

  it('refuses each line that costs more than can be paid at once, at the catalogue’s price or at an agreed one', () => {
    assert.deepEqual(
      refusalOf(() =>
        price(
          { sku: 'PEN', quantity: 1 },
          { sku: 'GOLD', quantity: 2 },
          { sku: 'PEN', quantity: 1_000_000, unitPrice: eur(amountMax) },
        ),
      ),
      ['order.too-much', '/items/1', '/items/2'],
    );
    assert.deepEqual(
      refusalOf(() => price({ sku: 'GOLD', quantity: 1_000_000 })),
      ['order.too-much', '/items/0'],
    );
  });

  it('refuses lines that together, or with their shipping, cost more than can be paid at once', () => {
    const ship = { sku: 'SHIP', quantity: 1 };
    assert.equal(totalsOf(price(ship), eur(400_000_000_000)).total.amount, amountMax);
    for (const [items, shipping] of [
      [[ship, ship], 0],
      [[ship], 400_000_000_001],
      [Array.from({ length: 2_000 }, () => ({ sku: 'GOLD', quantity: 1 })), amountMax],
    ] as const)
      assert.deepEqual(
        refusalOf(() => totalsOf(price(...items), eur(shipping))),
        ['order.too-much', '/items'],
      );
  });
});
