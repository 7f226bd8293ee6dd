import type { Category, productContract } from '@stoa/contracts/product';
import { refusal } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import type { Handler } from '@stoa/platform/service';
import { whyNotBelow } from '../domain/category-tree.ts';
import { slugOf } from '../domain/slug.ts';
import { insertCategory, lockCategories } from '../store/category-rows.ts';

export const createCategory: Handler<typeof productContract.operations.createCategory> = async (call, service) => {
  const { title, slug, parentId = null, position = 0 } = call.body;
  const category = await service.db.transaction(async (tx) => {
    const categories = await lockCategories(tx);
    const id = newId(service.clock.nowMs());
    const made: Category = {
      id,
      slug: slug ?? slugOf(title, 'category'),
      title: title.trim(),
      parentId,
      position,
      version: 1,
    };
    if (categories.some((other) => other.slug === made.slug)) {
      throw refusal('category.slug-taken', `Another category has the slug ${made.slug}.`);
    }
    refuseBadParent(categories, id, parentId);
    await insertCategory(tx, made);
    return made;
  });
  return { status: 201, body: category, version: category.version };
};

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
