import type { Dashboard } from '@stoa/contracts/gateway';
import { notificationContract } from '@stoa/contracts/notification';
import { orderContract } from '@stoa/contracts/order';
import { productContract } from '@stoa/contracts/product';
import { userContract } from '@stoa/contracts/user';
import type { Principal } from '@stoa/platform/schema';
import type { Call, EdgeHost } from '@stoa/platform/service';
import { idsOf } from '@stoa/platform/telemetry';

/** Each part has this long; a slow one is left out rather than waited for. */
const partMs = 1_500;
const shown = 5;

type Part = Dashboard['partial'][number];

/** One answer out of four services, asked side by side on behalf of the caller. */
export function dashboardRoutes(host: EdgeHost) {
  const users = host.client(userContract);
  const orders = host.client(orderContract);
  const notifications = host.client(notificationContract);
  const products = host.client(productContract);

  return {
    async getDashboard({ cause, principal, deadlineMs }: Call) {
      const options = {
        cause,
        principal: asCustomer(principal),
        deadlineMs: Math.min(deadlineMs, host.clock.nowMs() + partMs),
      };
      const missing = new Set<Part>();
      const part = async <T>(name: Part, asked: Promise<T>): Promise<T | null> => {
        try {
          return await withinMs(asked, partMs);
        } catch (error) {
          const line = { ...idsOf(cause), err: error, part: name };
          host.log.warn(line, 'a part of the dashboard is missing');
          missing.add(name);
          return null;
        }
      };
      const page = { query: { limit: shown } };
      const newest = { query: { limit: shown, sort: 'newest' as const } };
      const [user, recentOrders, sent, recentProducts] = await Promise.all([
        part('user', users.getMe({}, options)),
        part('recentOrders', orders.listOrders(page, options)),
        part('notifications', notifications.listNotifications(page, options)),
        part('recentProducts', products.listProducts(newest, options)),
      ]);
      const body: Dashboard = {
        user,
        recentOrders: recentOrders?.items ?? null,
        notifications: sent?.items ?? null,
        recentProducts: recentProducts?.items ?? null,
        partial: order.filter((name) => missing.has(name)),
      };
      return { body };
    },
  };
}

const order: readonly Part[] = ['user', 'recentOrders', 'notifications', 'recentProducts'];

/** A dashboard is one's own: staff would see everybody's orders, and drafts among the products. */
function asCustomer(principal: Principal): Principal {
  return principal.kind === 'user' ? { ...principal, role: 'customer' } : principal;
}

/** The client keeps the deadline too; this is for a service that hangs without noticing it. */
function withinMs<T>(asked: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
