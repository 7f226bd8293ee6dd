import { orderContract } from '@stoa/contracts/order';
import { newId } from '@stoa/platform/ids';
import { crashPoint } from '@stoa/platform/lifecycle';
import { nobodyWaits } from '@stoa/platform/schema';
import type { Job, Service } from '@stoa/platform/service';
import { releaseHeld } from '../release-held.ts';
import { findHoldingOrders } from '../store/reservations.ts';

const ordersAtOnce = 500;
const ended: readonly string[] = ['rejected', 'cancelled'];

/**
 * Frees stock that is held for orders that have ended and have nothing under way. Their check-outs release it themselves; this is for what a skipped or
 * damaged step has left. Only the order service knows that an order has ended, so it is asked; no clock frees anything.
 */
export const releaseEndedOrders: Job<never> = {
  name: 'release-ended-orders',
  everyMs: 60_000,
  async run(service) {
    for (let after: string | undefined; ; ) {
      const orderIds = await findHoldingOrders(service.db, { after, limit: ordersAtOnce });
      if (orderIds.length > 0) await releaseEnded(service, orderIds);
      if (orderIds.length < ordersAtOnce) return;
      after = orderIds.at(-1);
    }
  },
};

async function releaseEnded(service: Service<never>, orderIds: readonly string[]): Promise<void> {
  const cause = { correlationId: newId() };
  const orders = await service
    .client(orderContract)
    .statusOf({ body: { orderIds: [...orderIds] } }, { cause, deadlineMs: nobodyWaits });
  const over = orders.filter(({ status, live }) => ended.includes(status) && !live);
  if (over.length === 0) return;
  crashPoint('sweep.before-release');
  const released = await service.db.transaction((tx) =>
    releaseHeld(
      service,
      tx,
      over.map(({ orderId }) => ({ orderId, cause })),
    ),
  );
  service.log.warn({ released }, 'stock was held for orders that had ended');
}
