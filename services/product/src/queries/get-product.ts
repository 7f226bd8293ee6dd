import type { productContract } from '@stoa/contracts/product';
import { isId } from '@stoa/platform/ids';
import type { Handler } from '@stoa/platform/service';
import { noSuchProduct } from '../domain/refusals.ts';
import { findProduct } from '../store/product-rows.ts';
import { maySeeDrafts } from './may-see-drafts.ts';

export const getProduct: Handler<typeof productContract.operations.getProduct> = async (call, { db }) => {
  const { id: idOrSlug } = call.params;
  const product = await findProduct(db, isId(idOrSlug) ? 'id' : 'slug', idOrSlug);
  if (product === undefined || (product.status !== 'active' && !maySeeDrafts(call.principal))) throw noSuchProduct();
  return { body: product, version: product.version };
};
