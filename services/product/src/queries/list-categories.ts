import type { productContract } from '@stoa/contracts/product';
import type { Handler } from '@stoa/platform/service';
import { treeOf } from '../domain/category-tree.ts';
import { allCategories } from '../store/category-rows.ts';

export const listCategories: Handler<typeof productContract.operations.listCategories> = async (_call, { db }) => {
  return { body: { items: treeOf(await allCategories(db)) } };
};
