import { type PricedSku, type productContract, Sku } from '@stoa/contracts/product';
import { validatorOf } from '@stoa/platform/schema';
import type { Handler } from '@stoa/platform/service';
import { lineTitle } from '../domain/product.ts';
import { findPrices, type PriceRow } from '../store/price-rows.ts';

const sku = validatorOf(Sku);

/** What check-out needs to know of each SKU. A SKU that nobody has, or could have, is left out. */
export const getPrices: Handler<typeof productContract.operations.getPrices> = async (call, { db }) => {
  const { skus, currency } = call.body;
  const known = skus.filter((text) => sku.check(text)).map((text) => text.toUpperCase());
  const rows = known.length === 0 ? [] : await findPrices(db, known);
  return { body: rows.map((row) => pricedSku(row, currency)) };
};

function pricedSku(row: PriceRow, currency: string | undefined): PricedSku {
  const main = { amount: row.price_amount, currency: row.price_currency };
  return {
    sku: row.sku,
    productId: row.product_id,
    title: lineTitle(row.product_title, row.variant_title),
    price: row.prices.find((price) => price.currency === currency) ?? main,
    prices: row.prices,
    version: row.version,
    status: row.status,
  };
}
