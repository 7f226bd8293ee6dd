import type { Product, ProductInput, productContract } from '@stoa/contracts/product';
import { once } from '@stoa/platform/idempotency';
import { newId } from '@stoa/platform/ids';
import type { Answer, Call, Handler, Service } from '@stoa/platform/service';
import { type Tx, violatedConstraint } from '@stoa/platform/sql';
import { createProduct as makeProduct, type StoredProduct, variantViolations } from '../domain/product.ts';
import { contradictingVariants, skusTaken, slugTaken } from '../domain/refusals.ts';
import { slugChoices } from '../domain/slug.ts';
import { ownersOfSkus, ownersOfSlugs } from '../store/product-rows.ts';
import { lostItsCategory, refusalOfTaken } from './refuse-taken.ts';
import { resolvedCategory } from './resolve-categories.ts';
import { saveAndTell } from './save-and-tell.ts';

type CreateProduct = typeof productContract.operations.createProduct;

export const createProduct: Handler<CreateProduct, never> = async (call, service) => {
  const contradictions = variantViolations(call.body.variants);
  if (contradictions.length > 0) throw contradictingVariants(contradictions);
  return create(call, service, 1);
};

const attemptsMax = 5;

async function create(call: Call<CreateProduct>, service: Service<never>, attempt: number): Promise<Answer<Product>> {
  // Two products of one title at the same time: the slower one takes the next slug.
  const hasLostItsSlug = (error: unknown) =>
    call.body.slug === undefined && violatedConstraint(error) === 'product_slug_taken';
  const isOvertaken = (error: unknown) => attempt < attemptsMax && (hasLostItsSlug(error) || lostItsCategory(error));
  try {
    return await once(call, service, {
      work: async (tx) => {
        const { product } = await make(call, service, tx);
        const headers = { location: `/api/v1/products/${product.id}` };
        return { resource: product.id, answer: { status: 201, body: product, version: product.version, headers } };
      },
      refusalOf: async (error) =>
        isOvertaken(error) ? undefined : refusalOfTaken(error, service.db, { skus: skusOf(call.body) }),
    });
  } catch (error) {
    if (isOvertaken(error)) return create(call, service, attempt + 1);
    throw error;
  }
}

async function make(call: Call<CreateProduct>, service: Service<never>, tx: Tx): Promise<StoredProduct> {
  const { body, cause } = call;
  const id = newId(service.clock.nowMs());
  const choices = body.slug ? [body.slug] : slugChoices({ title: body.title, sku: body.variants[0]?.sku ?? '', id });
  const [bySku, bySlug, category] = await Promise.all([
    ownersOfSkus(tx, skusOf(body)),
    ownersOfSlugs(tx, choices),
    resolvedCategory(tx, body.category),
  ]);
  if (bySku.size > 0) throw skusTaken([...bySku.keys()]);
  const slug = choices.find((choice) => !bySlug.has(choice));
  if (slug === undefined) throw slugTaken();
  const created = makeProduct({ ...body, ...category, slug }, id, { now: service.clock.now(), newId });
  await saveAndTell(service, tx, { created: [created], changed: [], cause });
  return created;
}

function skusOf({ variants }: ProductInput): string[] {
  return variants.map(({ sku }) => sku.toUpperCase());
}
