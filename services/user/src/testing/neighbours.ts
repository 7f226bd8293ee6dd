import { type Notification, notificationContract } from '@stoa/contracts/notification';
import { type Order, orderContract } from '@stoa/contracts/order';
import type { KeptCart } from '@stoa/contracts/order-carts';
import { fault } from '@stoa/platform/errors';
import { pageOf } from '@stoa/platform/http';
import { defineService, type ServiceDefinition } from '@stoa/platform/service';

/** What the order and the notification service keep, as the tests put it there; `down` when they cannot be asked. */
export interface Neighbours {
  orders: Map<string, Order[]> | 'down';
  carts: KeptCart[];
  notifications: Notification[];
}

const zero = { amount: 0, currency: 'EUR' };

/** An order as the order service would tell it. */
export function orderOf(id: string, userId: string): Order {
  return {
    id,
    number: 'S-1',
    status: 'confirmed',
    userId,
    email: null,
    externalId: null,
    items: [],
    totals: { subtotal: zero, discount: zero, shipping: zero, tax: zero, total: zero },
    payment: { status: 'captured', authorised: zero, captured: zero, refunded: zero },
    shippingAddress: null,
    shippingMethod: null,
    shipments: [],
    metadata: {},
    placedAt: '2026-01-01T00:00:00.000Z',
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    version: 1,
  };
}

/** A cart as the order service would tell it. */
export function cartOf(id: string): KeptCart {
  const at = '2026-01-01T00:00:00.000Z';
  return { id, orderId: null, currency: null, items: [], metadata: {}, createdAt: at, updatedAt: at };
}

/** Stand-ins for the two services that an export asks, with as much of their contracts as it uses. Pages hold one item, so that there are several. */
export function standIns(neighbours: Neighbours): ServiceDefinition<never>[] {
  const { listForUser, listCartsForUser } = orderContract.operations;
  const { listNotifications, getPreferences } = notificationContract.operations;
  const order = defineService<never>({
    name: 'order',
    contract: { ...orderContract, operations: { listForUser, listCartsForUser }, commands: {} },
    routes: {
      listForUser: async (call: { params: { id: string }; query: { cursor?: string } }) => {
        if (neighbours.orders === 'down') throw fault('service.unavailable', 'The orders cannot be read.');
        const all = neighbours.orders.get(call.params.id) ?? [];
        return { body: pageAfter(all, call.query.cursor) };
      },
      listCartsForUser: async (call: { query: { cursor?: string } }) => ({
        body: pageAfter(neighbours.carts, call.query.cursor),
      }),
    },
  });
  const notification = defineService<never>({
    name: 'notification',
    contract: { ...notificationContract, operations: { listNotifications, getPreferences } },
    routes: {
      listNotifications: async (call: { query: { cursor?: string } }) => ({
        body: pageAfter(neighbours.notifications, call.query.cursor),
      }),
      getPreferences: async () => ({ body: { orderUpdates: true, marketing: false } }),
    },
  });
  return [order, notification];
}

function pageAfter<T extends { id: string }>(all: readonly T[], cursor: string | undefined) {
  const from = cursor === undefined ? 0 : Number(Buffer.from(cursor, 'base64url').toString());
  return pageOf(all.slice(from, from + 2), 1, () => from + 1);
}
