import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import { amountMax } from '@stoa/platform/schema';
import { type KeptItem, priceCart } from './cart.ts';
import type { CatalogueEntry } from './pricing.ts';

const eur = (amount: number) => ({ amount, currency: 'EUR' });

/** A cart of so many of each, set at 1 cent, at what they cost today. */
function priced(...products: [sku: string, quantity: number, amount: number][]) {
  const kept = products.map(([sku, quantity]): KeptItem => ({ sku, quantity, title: sku, unitPrice: eur(1) }));
  const catalogue = new Map(
    products.map(([sku, , amount]): [string, CatalogueEntry] => [
      sku,
      { sku, productId: newId(), title: sku, price: eur(amount), prices: [], status: 'active' },
    ]),
  );
  return priceCart(kept, { currency: 'EUR', catalogue, available: undefined });
}

describe('a cart whose items have become dearer', () => {
  it('names as gone what could not be paid at once any more, alone or beside the others, and can still be shown', () => {
    const { items, totals, changes } = priced(
      ['PEN', 2, 300],
      ['GOLD', 10_000, amountMax],
      ['SHIP', 1, amountMax - 600],
      ['INK', 1, 1],
    );
    assert.deepEqual(
      items.map(({ sku, lineTotal }) => [sku, lineTotal.amount]),
      [
        ['PEN', 600],
        ['SHIP', amountMax - 600],
      ],
    );
    assert.deepEqual(totals.total, eur(amountMax));
    assert.deepEqual(
      changes.filter(({ kind }) => kind === 'gone').map(({ sku }) => sku),
      ['GOLD', 'INK'],
    );
  });
});
