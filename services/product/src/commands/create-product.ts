import type { ProductInput, productContract } from '@stoa/contracts/product';
import { refusal } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import type { Call, Handler, Service } from '@stoa/platform/service';
import { type Tx, violatedConstraint } from '@stoa/platform/sql';
import { createProduct as makeProduct, type StoredProduct, variantViolations } from '../domain/product.ts';
import { slugChoices } from '../domain/slug.ts';
import { ownersOfSlugs } from '../store/product-rows.ts';
import { refusalOfTaken } from './refuse-taken.ts';
import { resolveCategories } from './resolve-categories.ts';
import { saveAndTell } from './save-and-tell.ts';

type CreateProduct = typeof productContract.operations.createProduct;

export const createProduct: Handler<CreateProduct> = async (call, service) => {
  refuseBadVariants(call.body.variants);
  const { product } = await create(call, service, 1);
  return { status: 201, body: product, version: product.version, headers: { location: `/api/v1/products/${product.id}` } };
};

const attemptsMax = 3;

async function create(call: Call<CreateProduct>, service: Service, attempt: number): Promise<StoredProduct> {
  try {
    return await service.db.transaction(async (tx) => {
      const id = newId(service.clock.nowMs());
      const slug = call.body.slug ?? (await freeSlug(tx, call.body, id));
      const input = { ...call.body, slug, ...(await resolvedCategory(tx, call.body.category)) };
      const created = makeProduct(input, id, { now: service.clock.now(), newId });
      await saveAndTell(service, tx, { created: [created], changed: [], cause: call.cause });
      return created;
    });
  } catch (error) {
    // Two products of one title at the same time: the slower one takes the next slug.
    const overtaken = call.body.slug === undefined && violatedConstraint(error) === 'product_slug_taken';
    if (overtaken && attempt < attemptsMax) return create(call, service, attempt + 1);
    throw await refusalOfTaken(error, service.db, { skus: call.body.variants.map(({ sku }) => sku.toUpperCase()) });
  }
}

async function freeSlug(tx: Tx, { title, variants }: ProductInput, id: string): Promise<string> {
  const choices = slugChoices({ title, sku: variants[0]?.sku ?? '', id });
  const owners = await ownersOfSlugs(tx, choices);
  return choices.find((slug) => !owners.has(slug)) as string;
}

/** The category of a body as the slug of one that exists; nothing when the body has none. */
export async function resolvedCategory(
  tx: Tx,
  category: string | null | undefined,
): Promise<{ category?: string | null }> {
  if (category === undefined || category === null) return category === null ? { category } : {};
  const slug = (await resolveCategories(tx, [category], true)).get(category);
  if (slug !== undefined) return { category: slug };
  throw refusal('request.invalid', 'The category does not exist.', { errors: [{ path: '/category', message: 'is no id of a category' }] });
}

export function refuseBadVariants(variants: ProductInput['variants']): void {
  const errors = variantViolations(variants);
  if (errors.length > 0) throw refusal('request.invalid', 'The variants contradict each other.', { errors });
}
