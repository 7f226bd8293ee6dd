import type { Job } from '@stoa/platform/service';
import type { PaymentDeps } from '../deps.ts';
import { chargeOf, effectNames } from '../effects/requests.ts';
import { takeOverdue } from '../store/payments.ts';

const batchMax = 200;

/** Looks for payments whose webhook may be lost, and asks the provider about them. */
export const lookUpWaiting: Job<PaymentDeps> = {
  name: 'look-up-waiting',
  everyMs: 15_000,
  async run(service) {
    await service.db.transaction(async (tx) => {
      for (const payment of await takeOverdue(tx, service.deps.config.lookUpAfterMs, batchMax)) {
        const { id, reply_to } = payment;
        service.perform(tx, { effect: effectNames.lookUp, id, payload: chargeOf(payment), cause: reply_to.cause });
      }
    });
  },
};
