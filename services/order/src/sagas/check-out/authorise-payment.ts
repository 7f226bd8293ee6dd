import { paymentCommands } from '@stoa/contracts/payment-messages';
import { commandStep } from '@stoa/platform/saga';
import type { CheckOut } from './input.ts';

/** Has the provider set the money aside. Undone by voiding. Waits longer when the provider answers by webhook: payment says so. */
export const authorisePayment = commandStep({
  name: 'authorise payment',
  command: paymentCommands.authorisePayment,
  payload: ({ key, input }: CheckOut) => ({ orderId: key, amount: input.total, paymentToken: input.paymentToken }),
  undoable: true,
  timeoutMs: 15 * 60_000,
  timeoutFailure: { code: 'payment.unavailable', detail: 'The payment could not be authorised in time.' },
});
