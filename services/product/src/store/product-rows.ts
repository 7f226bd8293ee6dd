import type { Product, Variant } from '@stoa/contracts/product';
import { assert } from '@stoa/platform/errors';
import { insertRows, insertText, type Sql, type Tx } from '@stoa/platform/sql';
import { keywordsOf, lowestPrices, type StoredProduct, titleKey } from '../domain/product.ts';

/** A product as the database answers with it; the variants' names are those of the contract already. */
export interface ProductRow extends Omit<Product, 'createdAt' | 'updatedAt' | 'variants'> {
  readonly created_at: string;
  readonly updated_at: string;
  readonly variants: Variant[] | null;
}

const fields = `p.id, p.slug, p.title, p.description, p.status, p.category, p.tags, p.images, p.metadata,
  p.created_at, p.updated_at, p.version`;

const variantsOf = (removed: boolean) => `(
    select json_agg(json_build_object(
      'id', v.id, 'sku', v.sku, 'title', v.title,
      'price', json_build_object('amount', v.price_amount, 'currency', v.price_currency),
      'prices', v.prices, 'attributes', v.attributes, 'metadata', v.metadata
    ) order by v.position)
    from variant v where v.product_id = p.id and ${removed ? '' : 'not '}v.removed
  )`;

/** What to select from `product p` so that `productOf` can read it. */
export const productColumnsText = `${fields}, ${variantsOf(false)} as variants`;

export function productOf(row: ProductRow): Product {
  return {
    id: row.id,
    slug: row.slug,
    title: row.title,
    description: row.description,
    status: row.status,
    category: row.category,
    tags: row.tags,
    images: row.images,
    metadata: row.metadata,
    variants: row.variants ?? [],
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
  };
}

/** One product by its id or its slug. */
export async function findProduct(sql: Sql, by: 'id' | 'slug', value: string): Promise<Product | undefined> {
  const [row] = await sql.query<ProductRow>(`select ${productColumnsText} from product p where p.${by} = $1`, [value]);
  return row && productOf(row);
}

/** The products in the order of their ids, those after `afterId`. */
export async function productsAfter(sql: Sql, afterId: string, limit: number): Promise<Product[]> {
  const rows = await sql.query<ProductRow>(
    `select ${productColumnsText} from product p where p.id > $1 order by p.id limit $2`,
    [afterId, limit],
  );
  return rows.map(productOf);
}

/** Products with the variants they once had, locked until the transaction ends. In the order of their ids, so that no two lock crosswise. */
export async function lockProducts(tx: Tx, ids: readonly string[]): Promise<StoredProduct[]> {
  // Locked first: the lateral selects below must see what the lock waited for.
  const locked = await tx.query<{ id: string }>('select id from product where id = any($1) order by id for update', [
    ids,
  ]);
  if (locked.length === 0) return [];
  const rows = await tx.query<ProductRow & { removed: Variant[] | null }>(
    `select ${productColumnsText}, ${variantsOf(true)} as removed from product p where p.id = any($1) order by p.id`,
    [ids],
  );
  return rows.map((row) => ({ product: productOf(row), removed: row.removed ?? [] }));
}

/** Which product has each of these slugs. */
export async function ownersOfSlugs(sql: Sql, slugs: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql.query<{ slug: string; id: string }>('select slug, id from product where slug = any($1)', [
    slugs,
  ]);
  return new Map(rows.map((row) => [row.slug, row.id]));
}

/** Which product has each of these SKUs, removed variants included. */
export async function ownersOfSkus(sql: Sql, skus: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql.query<{ sku: string; product_id: string }>(
    'select sku, product_id from variant where sku = any($1)',
    [skus],
  );
  return new Map(rows.map((row) => [row.sku, row.product_id]));
}

const productTypes = {
  id: 'uuid',
  slug: 'text',
  title: 'text',
  title_key: 'text',
  description: 'text',
  status: 'text',
  category: 'text',
  tags: 'text[]',
  images: 'jsonb',
  metadata: 'jsonb',
  keywords: 'text',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
  version: 'int',
};
const insertProducts = insertText('product', productTypes);
const changing = Object.keys(productTypes).filter((name) => name !== 'id' && name !== 'created_at');
const updateProducts = `
update product p set ${changing.map((name) => `${name} = r.${name}`).join(', ')}
from json_to_recordset($1::json) as r(${Object.entries(productTypes)
  .map(([name, type]) => `${name} ${type}`)
  .join(', ')})
where p.id = r.id and p.version = r.version - 1
returning p.id`;

const upsertVariants = insertText(
  'variant',
  {
    id: 'uuid',
    sku: 'text',
    product_id: 'uuid',
    position: 'int',
    removed: 'boolean',
    title: 'text',
    price_amount: 'bigint',
    price_currency: 'text',
    prices: 'jsonb',
    attributes: 'jsonb',
    metadata: 'jsonb',
  },
  `on conflict (id) do update set position = excluded.position, removed = excluded.removed, title = excluded.title,
    price_amount = excluded.price_amount, price_currency = excluded.price_currency, prices = excluded.prices,
    attributes = excluded.attributes, metadata = excluded.metadata`,
);

const insertPrices = insertText('product_price', {
  product_id: 'uuid',
  currency: 'text',
  amount: 'bigint',
  main: 'boolean',
});

/**
 * Writes new and changed products. Changed ones must be locked by this transaction and one version on.
 * Breaks `product_slug_taken`, `product_sku_taken` or `product_category_in_use` when somebody else was faster.
 */
export async function saveProducts(
  tx: Tx,
  created: readonly StoredProduct[],
  changed: readonly StoredProduct[],
): Promise<void> {
  const all = [...created, ...changed];
  // Sent without waiting for each other's answers.
  const [, updated] = await Promise.all([
    insertRows(tx, insertProducts, created.map(productRow)),
    insertRows(tx, updateProducts, changed.map(productRow)),
    insertRows(tx, upsertVariants, all.flatMap(variantRows)),
    changed.length > 0
      ? tx.query('delete from product_price where product_id = any($1)', [changed.map(({ product }) => product.id)])
      : undefined,
    insertRows(tx, insertPrices, all.flatMap(priceRows)),
  ]);
  assert(updated.length === changed.length, 'products that are saved were locked before');
}

function productRow({ product }: StoredProduct) {
  return {
    id: product.id,
    slug: product.slug,
    title: product.title,
    title_key: titleKey(product.title),
    description: product.description,
    status: product.status,
    category: product.category,
    tags: product.tags,
    images: product.images,
    metadata: product.metadata,
    keywords: keywordsOf(product),
    created_at: product.createdAt,
    updated_at: product.updatedAt,
    version: product.version,
  };
}

function variantRows({ product, removed }: StoredProduct) {
  const row = (variant: Variant, position: number, gone: boolean) => ({
    id: variant.id,
    sku: variant.sku,
    product_id: product.id,
    position,
    removed: gone,
    title: variant.title,
    price_amount: variant.price.amount,
    price_currency: variant.price.currency,
    prices: variant.prices,
    attributes: variant.attributes,
    metadata: variant.metadata,
  });
  return [
    ...product.variants.map((variant, at) => row(variant, at, false)),
    ...removed.map((variant, at) => row(variant, at, true)),
  ];
}

function priceRows({ product }: StoredProduct) {
  return lowestPrices(product).map(({ price, main }) => ({ product_id: product.id, ...price, main }));
}
