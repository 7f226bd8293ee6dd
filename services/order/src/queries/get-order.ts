import type { orderContract } from '@stoa/contracts/order';
import type { Handler } from '@stoa/platform/service';
import type { OrderDeps } from '../deps.ts';
import { orderView } from '../order-view.ts';
import { findOrder } from '../owner.ts';

/** One order, to its owner or to staff. */
export const getOrder: Handler<typeof orderContract.operations.getOrder, OrderDeps> = async (call, service) => {
  const record = await findOrder(call, service);
  return { body: orderView(record), version: record.state.version };
};
