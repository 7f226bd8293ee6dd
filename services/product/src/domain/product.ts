import type { Product, ProductInput, ProductPatch, Variant, VariantInput } from '@stoa/contracts/product';
import type { Violation } from '@stoa/platform/errors';
import type { Id } from '@stoa/platform/ids';
import type { Money } from '@stoa/platform/money';
import { sameValue } from './same-value.ts';

/** A product with the variants it once had: their SKUs stay its own. */
export interface StoredProduct {
  readonly product: Product;
  readonly removed: readonly Variant[];
}

/** Where the time and new ids come from. */
export interface Making {
  readonly now: string;
  readonly newId: () => Id;
}

/** What no schema sees in a list of variants: SKUs and currencies given twice. */
export function variantViolations(
  variants: readonly (Pick<VariantInput, 'sku' | 'prices'> & { readonly price?: Money })[],
): Violation[] {
  const violations: Violation[] = [];
  const skus = new Set<string>();
  variants.forEach((variant, at) => {
    const sku = variant.sku.toUpperCase();
    if (skus.has(sku)) violations.push({ path: `/variants/${at}/sku`, message: `repeats ${sku}` });
    skus.add(sku);
    const currencies = new Set([variant.price?.currency]);
    variant.prices?.forEach((price, index) => {
      if (currencies.has(price.currency)) {
        violations.push({ path: `/variants/${at}/prices/${index}`, message: `is a second price in ${price.currency}` });
      }
      currencies.add(price.currency);
    });
  });
  return violations;
}

/** A new product. `category` is a slug by now. */
export function createProduct(
  input: ProductInput & { readonly slug: string },
  id: Id,
  { now, newId }: Making,
): StoredProduct {
  const product: Product = {
    id,
    slug: input.slug,
    title: input.title.trim(),
    description: input.description ?? '',
    status: input.status ?? 'active',
    category: input.category ?? null,
    tags: tidyTags(input.tags ?? []),
    images: tidyImages(input.images ?? []),
    metadata: input.metadata ?? {},
    variants: input.variants.map((variant) => makeVariant(variant, newId)),
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
  return { product, removed: [] };
}

/** The product with a change made to it, one version on; the very same object when the change changes nothing. */
export function changeProduct(stored: StoredProduct, patch: ProductPatch, { now, newId }: Making): StoredProduct {
  const before = stored.product;
  const { variants, removed } = patch.variants
    ? replaceVariants(stored, patch.variants, newId)
    : { variants: before.variants, removed: stored.removed };
  const after: Product = {
    ...before,
    slug: patch.slug ?? before.slug,
    title: patch.title?.trim() ?? before.title,
    description: patch.description ?? before.description,
    status: patch.status ?? before.status,
    category: patch.category === undefined ? before.category : patch.category,
    tags: patch.tags ? tidyTags(patch.tags) : before.tags,
    images: patch.images ? tidyImages(patch.images) : before.images,
    metadata: patch.metadata ?? before.metadata,
    variants,
  };
  if (sameValue(after, before)) return stored;
  return { product: { ...after, updatedAt: now, version: before.version + 1 }, removed };
}

/** The new list of variants, each with the id that its SKU has or had; whatever is not in it is removed. */
function replaceVariants({ product, removed }: StoredProduct, inputs: readonly VariantInput[], newId: () => Id) {
  const known = new Map([...product.variants, ...removed].map((variant) => [variant.sku, variant]));
  const variants = inputs.map((input) => makeVariant(input, () => known.get(input.sku.toUpperCase())?.id ?? newId()));
  const kept = new Set(variants.map((variant) => variant.sku));
  return { variants, removed: [...known.values()].filter((variant) => !kept.has(variant.sku)) };
}

function makeVariant(input: VariantInput, newId: () => Id): Variant {
  return {
    id: newId(),
    sku: input.sku.toUpperCase(),
    title: input.title?.trim() ?? '',
    price: input.price,
    prices: input.prices ?? [],
    attributes: input.attributes ?? {},
    metadata: input.metadata ?? {},
  };
}

function tidyTags(tags: readonly string[]): string[] {
  return [...new Set(tags.map((tag) => tag.trim()))];
}

function tidyImages(images: NonNullable<ProductInput['images']>): Product['images'] {
  return images.map((image) =>
    typeof image === 'string' ? { url: image, alt: '' } : { url: image.url, alt: image.alt ?? '' },
  );
}

/** A product's lowest price in each currency, the currency of its first variant marked as the main one. */
export function lowestPrices(product: Product): { price: Money; main: boolean }[] {
  const lowest = new Map<string, Money>();
  for (const variant of product.variants) {
    for (const price of [variant.price, ...variant.prices]) {
      const known = lowest.get(price.currency);
      if (known === undefined || price.amount < known.amount) lowest.set(price.currency, price);
    }
  }
  const main = product.variants[0]?.price.currency;
  return [...lowest.values()].map((price) => ({ price, main: price.currency === main }));
}

/** How an order's line is called. */
export function lineTitle(productTitle: string, variantTitle: string): string {
  return variantTitle === '' ? productTitle : `${productTitle} – ${variantTitle}`;
}

// Bounded because it travels in cursors; longer titles that agree so far are ordered by id.
const titleKeyLengthMax = 80;

/** What titles are sorted by: without case, accents and leading marks, so that every server sorts alike. */
export function titleKey(title: string): string {
  const plain = title.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  return plain
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .slice(0, titleKeyLengthMax)
    .toWellFormed();
}

// A tsvector holds 1 MiB; no product needs a tenth of this.
const keywordsLengthMax = 20_000;

/** What search finds a product by beside its title and description. */
export function keywordsOf(product: Product): string {
  const words = new Set([product.category ?? '', ...product.tags]);
  for (const variant of product.variants) {
    words.add(variant.sku);
    words.add(variant.title);
    for (const value of Object.values(variant.attributes)) words.add(value);
  }
  return [...words]
    .filter((word) => word !== '')
    .join('\n')
    .slice(0, keywordsLengthMax)
    .toWellFormed();
}
