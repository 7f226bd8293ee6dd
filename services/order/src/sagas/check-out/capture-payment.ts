import { paymentCommands } from '@stoa/contracts/payment-messages';
import { commandStep, type SagaFailure } from '@stoa/platform/saga';
import type { Tx } from '@stoa/platform/sql';
import { announce } from '../../announce.ts';
import type { OrderService } from '../../deps.ts';
import { startCancellation } from '../../start-cancellation.ts';
import { type CheckOut, origin } from './input.ts';

/**
 * Takes the money. Refused for good, the order is cancelled and the goods go back into stock; of an order that has left, even in part, a person decides what
 * becomes of goods without money.
 */
export const capturePayment = commandStep({
  name: 'capture payment',
  command: paymentCommands.capturePayment,
  payload: ({ key, input }: CheckOut) => ({ orderId: key, amount: input.total }),
  undoable: false,
  timeoutMs: 60_000,
  whenRefused(saga: CheckOut, { detail }: SagaFailure, tx: Tx, service: OrderService) {
    if (saga.state.state.shipments.length > 0) return undefined;
    // From now on nothing of it can be shipped, and a customer's cancel finds that it is being taken back.
    if (saga.state.state.cancellationRequested === null) {
      const requested = { type: 'cancellation-requested' as const, data: { reason: detail } };
      announce(tx, saga.state.record(tx, [requested], origin(saga, service.clock.now())), service);
    }
    startCancellation(tx, saga.state.state, { code: 'payment.capture-failed', detail }, saga.cause, service);
    return 'end';
  },
});
