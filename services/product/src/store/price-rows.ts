import type { ProductStatus } from '@stoa/contracts/product';
import type { Money } from '@stoa/platform/money';
import type { Sql } from '@stoa/platform/sql';

export interface PriceRow {
  readonly sku: string;
  readonly product_id: string;
  readonly product_title: string;
  readonly variant_title: string;
  readonly price_amount: number;
  readonly price_currency: string;
  readonly prices: Money[];
  readonly version: number;
  readonly status: ProductStatus;
}

/** Prices of the variants with these SKUs; one that is no longer sold counts as archived. */
export function findPrices(sql: Sql, skus: readonly string[]): Promise<PriceRow[]> {
  return sql.query<PriceRow>(
    `select v.sku, v.product_id, p.title as product_title, v.title as variant_title, v.price_amount, v.price_currency, v.prices,
      p.version, case when v.removed then 'archived' else p.status end as status
    from variant v join product p on p.id = v.product_id
    where v.sku = any($1)`,
    [skus],
  );
}
