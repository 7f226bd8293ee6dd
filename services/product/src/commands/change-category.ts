import type { Category, productContract } from '@stoa/contracts/product';
import { requireMatch } from '@stoa/platform/http';
import type { Handler } from '@stoa/platform/service';
import { noSuchCategory } from '../domain/refusals.ts';
import { lockCategories, updateCategory } from '../store/category-rows.ts';
import { refuseBadParent } from './create-category.ts';

export const changeCategory: Handler<typeof productContract.operations.changeCategory> = async (call, service) => {
  const { title, parentId, position } = call.body;
  const category = await service.db.transaction(async (tx) => {
    const categories = await lockCategories(tx);
    const before = categories.find(({ id }) => id === call.params.id);
    if (before === undefined) throw noSuchCategory();
    requireMatch(call, before.version);
    const after: Category = {
      ...before,
      title: title?.trim() ?? before.title,
      parentId: parentId === undefined ? before.parentId : parentId,
      position: position ?? before.position,
      version: before.version + 1,
    };
    refuseBadParent(categories, after.id, after.parentId);
    await updateCategory(tx, after);
    return after;
  });
  return { body: category, version: category.version };
};
