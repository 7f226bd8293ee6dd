import type { orderContract } from '@stoa/contracts/order';
import { orderEvents } from '@stoa/contracts/order-messages';
import { eraseAnswers } from '@stoa/platform/idempotency';
import type { Handler } from '@stoa/platform/service';
import type { OrderDeps } from '../deps.ts';
import { notFound } from '../owner.ts';
import { eraseContact } from '../store/contacts.ts';
import { openOrders, readOrders } from '../store/orders.ts';

/** Erases what is personal about a guest's order, for whoever holds its token. The order stays. */
export const eraseGuest: Handler<typeof orderContract.operations.eraseGuest, OrderDeps> = async (
  { body, orderToken, cause },
  service,
) => {
  const orderId = service.deps.tokens.orderOf(orderToken ?? '');
  const isOfAnother = body.orderId !== undefined && body.orderId !== orderId;
  const [record] = orderId === undefined || isOfAnother ? [] : await readOrders(service.db, [orderId]);
  if (!record) throw notFound(body.orderId ?? 'with this X-Order-Token');
  await service.db.transaction(async (tx) => {
    // Locked, so that an answer is kept either before, and found below, or after, and knows of this.
    await openOrders(tx, [record.state.id]);
    await eraseContact(tx, record.state.contactId);
    await eraseAnswers(tx, [record.state.id]);
    service.publish(tx, orderEvents.contactErased, {
      key: record.state.id,
      payload: { contactId: record.state.contactId, erasedAt: service.clock.now() },
      cause,
    });
  });
  return { status: 204 };
};
