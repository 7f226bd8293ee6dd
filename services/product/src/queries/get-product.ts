import type { productContract } from '@stoa/contracts/product';
import type { Handler } from '@stoa/platform/service';
import { noSuchProduct } from '../domain/refusals.ts';
import { readProduct } from '../kept-products.ts';
import { maySeeDrafts } from './may-see-drafts.ts';

export const getProduct: Handler<typeof productContract.operations.getProduct> = async (call, service) => {
  const product = await readProduct(service, call.params.id);
  if (product === undefined || (product.status !== 'active' && !maySeeDrafts(call.principal))) throw noSuchProduct();
  return { body: product, version: product.version };
};
