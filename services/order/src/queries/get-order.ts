import type { orderContract } from '@stoa/contracts/order';
import type { Handler } from '@stoa/platform/service';
import type { OrderDeps } from '../deps.ts';
import { orderView, tagOf } from '../order-view.ts';
import { findOrder } from '../owner.ts';

/** One order, to its owner or to staff. */
export const getOrder: Handler<typeof orderContract.operations.getOrder, OrderDeps> = async (call, service) => {
  const order = orderView(await findOrder(call, service));
  return { body: order, version: tagOf(order) };
};
