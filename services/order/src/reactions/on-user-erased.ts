import { orderEvents } from '@stoa/contracts/order-messages';
import { userEvents } from '@stoa/contracts/user-messages';
import { eraseAnswers } from '@stoa/platform/idempotency';
import type { Cause } from '@stoa/platform/schema';
import { reactionToMany } from '@stoa/platform/service';
import type { OrderDeps } from '../deps.ts';
import { deleteCartsOf } from '../store/carts.ts';
import { eraseUsers } from '../store/contacts.ts';

/** Overwrites addresses, e-mails and stored answers of those who are to be forgotten, and deletes their carts; totals, streams and projections stay. */
export const onUserErased = reactionToMany<typeof userEvents.userErased, OrderDeps>(
  userEvents.userErased,
  async (messages, tx, service) => {
    const userIds = messages.map(({ payload }) => payload.userId);
    // Carts first: an order of one holds its cart before it asks for its user.
    const carts = await deleteCartsOf(tx, userIds);
    // Locked, so that an answer about one is kept either before, and found below, or after, and knows of this.
    await tx.query('select id from orders where user_id = any($1::uuid[]) order by id for update', [userIds]);
    const contacts = await eraseUsers(tx, userIds);
    // And those that were being written until then.
    const late = await deleteCartsOf(tx, userIds);
    const orders = await tx.query<{ id: string; userId: string; contactId: string }>(
      `select id, user_id as "userId", state ->> 'contactId' as "contactId" from orders where user_id = any($1::uuid[])`,
      [userIds],
    );
    await eraseAnswers(tx, [...carts, ...late, ...orders.map((order) => order.id)]);
    // Whoever heard of the erasure first may have asked for an address since, which nobody can from here on.
    const causes = new Map(messages.map(({ payload, cause }) => [payload.userId, cause]));
    for (const { id: key, userId, contactId } of orders) {
      const erasedAt = contacts.get(contactId);
      if (erasedAt === undefined) continue;
      const cause = causes.get(userId) as Cause;
      service.publish(tx, orderEvents.contactErased, { key, payload: { contactId, erasedAt }, cause });
    }
    tx.afterCommit(() => {
      for (const userId of userIds) service.deps.customers.forget(userId);
    });
  },
);
