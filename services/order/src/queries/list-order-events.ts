import type { orderContract } from '@stoa/contracts/order';
import type { Handler } from '@stoa/platform/service';
import type { OrderDeps } from '../deps.ts';
import { findOrder } from '../owner.ts';
import { orderStreams } from '../store/orders.ts';

/** The audit trail: everything that happened to an order, in order. */
export const listOrderEvents: Handler<typeof orderContract.operations.listOrderEvents, OrderDeps> = async (
  call,
  service,
) => {
  const { id } = await findOrder(call, service);
  const events = await orderStreams.read(service.db, id);
  return { body: events.map(({ version, type, at, actor, data }) => ({ version, type, at, actor, data })) };
};
