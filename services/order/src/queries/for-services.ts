import type { OrderStatus, orderContract } from '@stoa/contracts/order';
import { refusal } from '@stoa/platform/errors';
import { decodeCursor, pageOf } from '@stoa/platform/http';
import { IdText, strict } from '@stoa/platform/schema';
import type { Handler } from '@stoa/platform/service';
import type { OrderDeps } from '../deps.ts';
import type { OrderState } from '../domain/order.ts';
import { orderView } from '../order-view.ts';
import { type CartRow, listCarts } from '../store/carts.ts';
import { readContact } from '../store/contacts.ts';
import { listOrders } from '../store/orders.ts';

type Operations = typeof orderContract.operations;

const cursor = strict({ id: IdText });

/** Whom to write to about an order. */
export const getContact: Handler<Operations['getContact'], OrderDeps> = async ({ params }, service) => {
  const contact = await readContact(service.db, params.id);
  if (!contact) throw refusal('contact.not-found', 'The contact is not known, or has been erased.');
  return { body: { email: contact.email, name: contact.shipping_address?.name ?? null, userId: contact.user_id } };
};

// A live saga is one that still moves or waits for a person: until it ends, what it holds is in order.
const live = `exists (select from kit.saga s where s.status in ('running', 'compensating', 'stuck')
  and (s.key = o.id::text or s.key in (select r.id::text from refund r where r.order_id = o.id and r.status = 'pending')))`;

/** How orders stand, and whether something is still under way for them. */
export const statusOf: Handler<Operations['statusOf'], OrderDeps> = async ({ body }, service) => ({
  body: await service.db.query<{ orderId: string; status: OrderStatus; live: boolean }>(
    `select o.id as "orderId", o.status, ${live} as live from orders o where o.id = any($1::uuid[])`,
    [body.orderIds],
  ),
});

/** Every order of a user. */
export const listForUser: Handler<Operations['listForUser'], OrderDeps> = async ({ params, query }, service) => {
  const limit = query.limit ?? 20;
  const rows = await listOrders(service.db, {
    userId: params.id,
    status: null,
    from: null,
    to: null,
    externalId: null,
    beforeId: query.cursor ? decodeCursor(cursor, query.cursor).id : null,
    limit: limit + 1,
  });
  const { items, nextCursor } = pageOf(rows, limit, ({ id }) => ({ id }));
  return { body: { items: items.map(orderView), nextCursor } };
};

/** Every cart of a user, as it is kept. */
export const listCartsForUser: Handler<Operations['listCartsForUser'], OrderDeps> = async (
  { params, query },
  service,
) => {
  const limit = query.limit ?? 20;
  const rows = await listCarts(service.db, {
    userId: params.id,
    beforeId: query.cursor ? decodeCursor(cursor, query.cursor).id : null,
    limit: limit + 1,
  });
  const { items, nextCursor } = pageOf(rows, limit, ({ id }) => ({ id }));
  return { body: { items: items.map(keptCart), nextCursor } };
};

function keptCart({ id, order_id, currency, items, metadata, created_at, updated_at }: CartRow) {
  return { id, orderId: order_id, currency, items: [...items], metadata, createdAt: created_at, updatedAt: updated_at };
}

/** Orders with what must agree with stock and money elsewhere. */
export const verificationPage: Handler<Operations['verificationPage'], OrderDeps> = async ({ query }, service) => {
  const limit = query.limit ?? 20;
  const rows = await service.db.query<{ id: string; state: OrderState; live: boolean }>(
    `select o.id, o.state, ${live} as live from orders o where $1::uuid is null or o.id > $1 order by o.id limit $2`,
    [query.cursor ? decodeCursor(cursor, query.cursor).id : null, limit + 1],
  );
  const { items, nextCursor } = pageOf(rows, limit, ({ id }) => ({ id }));
  return {
    body: {
      items: items.map(({ id, state, live: isLive }) => ({
        orderId: id,
        status: state.status,
        live: isLive,
        captured: state.payment.captured,
        refunded: state.payment.refunded,
        units: state.items.reduce((sum, line) => sum + line.quantity, 0),
        skus: state.items.map(({ sku, quantity }) => ({ sku, quantity })),
      })),
      nextCursor,
    },
  };
};
