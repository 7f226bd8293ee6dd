import type { orderContract } from '@stoa/contracts/order';
import { refusal } from '@stoa/platform/errors';
import { decodeCursor, isStaff, pageOf } from '@stoa/platform/http';
import { IdText, strict } from '@stoa/platform/schema';
import type { Handler } from '@stoa/platform/service';
import type { OrderDeps } from '../deps.ts';
import { orderView } from '../order-view.ts';
import { listOrders as readPage } from '../store/orders.ts';

const cursor = strict({ id: IdText });

/** Orders, newest first: the caller's own, or everybody's for staff. */
export const listOrders: Handler<typeof orderContract.operations.listOrders, OrderDeps> = async (
  { query, principal },
  service,
) => {
  const staff = isStaff(principal, ['support', 'operator']);
  // A machine has no orders of its own.
  if (!staff && principal.kind !== 'user') throw refusal('auth.forbidden', 'The role of this key does not allow this.');
  if (query.from !== undefined && query.to !== undefined && Date.parse(query.from) >= Date.parse(query.to)) {
    throw refusal('request.invalid', 'The period ends before it begins.', {
      errors: [{ path: '/query/to', message: 'must be after from' }],
    });
  }
  const limit = query.limit ?? 20;
  const rows = await readPage(service.db, {
    userId: !staff && principal.kind === 'user' ? principal.userId : null,
    status: query.status ?? null,
    from: query.from ?? null,
    to: query.to ?? null,
    externalId: query.externalId ?? null,
    beforeId: query.cursor ? decodeCursor(cursor, query.cursor).id : null,
    limit: limit + 1,
  });
  const { items, nextCursor } = pageOf(rows, limit, ({ id }) => ({ id }));
  return { body: { items: items.map(orderView), nextCursor } };
};
