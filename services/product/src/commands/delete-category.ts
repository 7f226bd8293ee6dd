import type { productContract } from '@stoa/contracts/product';
import { refusal } from '@stoa/platform/errors';
import { requireMatch } from '@stoa/platform/http';
import type { Handler } from '@stoa/platform/service';
import { violatedConstraint } from '@stoa/platform/sql';
import { noSuchCategory } from '../domain/refusals.ts';
import { deleteCategory as deleteRow, lockCategories } from '../store/category-rows.ts';

export const deleteCategory: Handler<typeof productContract.operations.deleteCategory> = async (call, service) => {
  try {
    await service.db.transaction(async (tx) => {
      const category = (await lockCategories(tx)).find(({ id }) => id === call.params.id);
      if (category === undefined) throw noSuchCategory();
      requireMatch(call, category.version);
      await deleteRow(tx, category.id);
    });
  } catch (error) {
    // The database refuses, so that no product can slip in meanwhile.
    const constraint = violatedConstraint(error);
    if (constraint === 'product_category_in_use')
      throw refusal('category.in-use', 'Products are still in this category.');
    if (constraint === 'category_has_children')
      throw refusal('category.in-use', 'Other categories are still below this one.');
    throw error;
  }
  return {};
};
