import { userEvents } from '@stoa/contracts/user-messages';
import { eraseAnswers } from '@stoa/platform/idempotency';
import { reaction } from '@stoa/platform/service';
import type { OrderDeps } from '../deps.ts';
import { deleteCartsOf } from '../store/carts.ts';
import { eraseContacts } from '../store/contacts.ts';

/** Overwrites addresses, e-mails and stored answers of somebody who is to be forgotten, and deletes their carts; totals, streams and projections stay. */
export const onUserErased = reaction<typeof userEvents.userErased, OrderDeps>(
  userEvents.userErased,
  async ({ payload }, tx, service) => {
    await eraseContacts(tx, { userId: payload.userId });
    await deleteCartsOf(tx, payload.userId);
    const orders = await tx.query<{ id: string }>('select id from orders where user_id = $1', [payload.userId]);
    await eraseAnswers(
      tx,
      orders.map((order) => order.id),
    );
    tx.afterCommit(() => service.deps.customers.forget(payload.userId));
  },
);
