import type { Category, productContract } from '@stoa/contracts/product';
import { refusal } from '@stoa/platform/errors';
import { once } from '@stoa/platform/idempotency';
import { newId } from '@stoa/platform/ids';
import type { Call, Handler, Service } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import { whyNotBelow } from '../domain/category-tree.ts';
import { categorySlugOf } from '../domain/slug.ts';
import { insertCategory, lockCategories } from '../store/category-rows.ts';

type CreateCategory = typeof productContract.operations.createCategory;

export const createCategory: Handler<CreateCategory, never> = (call, service) =>
  once(call, service, {
    work: async (tx) => {
      const category = await make(call, service, tx);
      return { resource: category.id, answer: { status: 201, body: category, version: category.version } };
    },
  });

async function make({ body }: Call<CreateCategory>, { clock }: Service<never>, tx: Tx): Promise<Category> {
  const { title, slug, parentId = null, position = 0 } = body;
  const categories = await lockCategories(tx);
  const id = newId(clock.nowMs());
  const category: Category = {
    id,
    slug: slug ?? categorySlugOf(title),
    title: title.trim(),
    parentId,
    position,
    version: 1,
  };
  if (categories.some((other) => other.slug === category.slug)) {
    throw refusal('category.slug-taken', `Another category has the slug ${category.slug}.`);
  }
  refuseBadParent(categories, id, parentId);
  await insertCategory(tx, category);
  return category;
}

/** Refuses a parent that does not exist, lies below the category, or is too deep for it. */
export function refuseBadParent(categories: readonly Category[], id: string, parentId: string | null): void {
  if (parentId === null) return;
  if (!categories.some((category) => category.id === parentId)) {
    throw refusal('category.unknown-parent', 'The parent category does not exist.');
  }
  const reason = whyNotBelow(categories, id, parentId);
  if (reason === 'category.cycle') throw refusal(reason, 'The parent is the category itself or lies below it.');
  if (reason === 'category.too-deep') throw refusal(reason, 'The tree of categories may be six levels deep.');
}
