import { localStep } from '@stoa/platform/saga';
import type { Tx } from '@stoa/platform/sql';
import { announce } from '../../announce.ts';
import type { OrderService } from '../../deps.ts';
import { capturePayment } from './capture-payment.ts';
import { type CheckOut, origin } from './input.ts';

/** Notes on the order that it has been paid; not where a person let it go on without the money. */
export const recordCapture = localStep({
  name: 'record capture',
  when: ({ outputs }: CheckOut) => outputs[capturePayment.name] !== undefined,
  do(saga: CheckOut, tx: Tx, service: OrderService) {
    const amount = saga.input.total;
    announce(
      tx,
      saga.state.record(tx, [{ type: 'payment-captured', data: { amount } }], origin(saga, service.clock.now())),
      service,
    );
  },
});
