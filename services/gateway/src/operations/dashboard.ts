import type { Dashboard } from '@stoa/contracts/gateway';
import { productContract } from '@stoa/contracts/product';
import { userContract } from '@stoa/contracts/user';
import type { Call, EdgeHost } from '@stoa/platform/service';

/** Each part has this long; a slow one is left out rather than waited for. */
const partMs = 1_500;
const shown = 5;

type Part = Dashboard['partial'][number];

/** One answer out of four services, asked side by side on behalf of the caller. */
export function dashboardRoutes(host: EdgeHost) {
  const users = host.client(userContract);
  const products = host.client(productContract);

  return {
    async getDashboard({ cause, principal, deadlineMs }: Call) {
      const options = { cause, principal, deadlineMs: Math.min(deadlineMs, host.clock.nowMs() + partMs) };
      const partial: Part[] = [];
      const part = async <T>(name: Part, asked: Promise<T>): Promise<T | null> => {
        try {
          return await asked;
        } catch (error) {
          host.log.warn(
            { err: error, part: name, correlationId: cause.correlationId },
            'a part of the dashboard is missing',
          );
          partial.push(name);
          return null;
        }
      };
      const [user, newest] = await Promise.all([
        part('user', users.getMe({}, options)),
        part('recentProducts', products.listProducts({ query: { sort: 'newest', limit: shown } }, options)),
      ]);
      const body: Dashboard = {
        user,
        recentOrders: null,
        notifications: null,
        recentProducts: newest && [...newest.items],
        partial,
      };
      return { body };
    },
  };
}
