import type { productContract } from '@stoa/contracts/product';
import type { Handler } from '@stoa/platform/service';
import { applyChange } from './change-product.ts';

/** Takes a product off sale for good. Orders, stock and its SKUs go on naming it, so that nothing is deleted; doing it twice is no error. */
export const archiveProduct: Handler<typeof productContract.operations.archiveProduct> = async (call, service) => {
  await applyChange(call, service, { status: 'archived' });
  return {};
};
