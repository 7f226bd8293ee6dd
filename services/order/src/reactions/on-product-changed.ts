import { productEvents } from '@stoa/contracts/product-messages';
import { reaction } from '@stoa/platform/service';
import type { OrderDeps } from '../deps.ts';

/** Forgets prices that may have changed. */
export const onProductChanged = reaction<typeof productEvents.productChanged, OrderDeps>(
  productEvents.productChanged,
  ({ payload }, tx, service) => {
    tx.afterCommit(() => void service.deps.catalogue.forget(payload.skus));
  },
);
