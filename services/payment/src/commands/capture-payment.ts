import { paymentCommands } from '@stoa/contracts/payment-messages';
import { fault } from '@stoa/platform/errors';
import type { Outcome } from '@stoa/platform/schema';
import { commandHandler } from '@stoa/platform/service';
import type { PaymentDeps } from '../deps.ts';
import { oneAnOrder } from '../domain/one-an-order.ts';
import { replyTo } from '../domain/reply-to.ts';
import { type CapturePayload, effectNames } from '../effects/requests.ts';
import { beginCaptures } from '../store/captures.ts';
import { lockPayments, type PaymentRow } from '../store/payments.ts';
import { refuseUndo } from './refuse-undo.ts';

type Captured = Outcome<{ paymentId: string }>;

/** Takes what was authorised for an order, once. */
export const capturePayment = commandHandler<typeof paymentCommands.capturePayment, PaymentDeps>(
  paymentCommands.capturePayment,
  {
    later: true,

    async doMany(commands, tx, service) {
      const asked = oneAnOrder(commands).map(({ payload }) => ({ order_id: payload.orderId, ...payload.amount }));
      const begun = await beginCaptures(tx, asked, service.clock.now());
      for (const command of commands) {
        const { orderId, amount } = command.payload;
        const paymentId = begun.get(orderId);
        if (paymentId === undefined) continue;
        const payload: CapturePayload = { paymentId, orderId, amount, replyTo: replyTo(command) };
        service.perform(tx, { effect: effectNames.capture, id: paymentId, payload, cause: command.cause });
      }
      const others = commands.filter(({ payload }) => !begun.has(payload.orderId));
      const rows =
        others.length > 0
          ? await lockPayments(
              tx,
              others.map(({ payload }) => payload.orderId),
            )
          : [];
      const known = new Map(rows.map((row) => [row.order_id, row]));
      return commands.map(({ payload: { orderId, amount } }): Captured | 'later' =>
        begun.has(orderId) ? 'later' : answerOf(known.get(orderId), amount.amount),
      );
    },

    undoMany: refuseUndo,
  },
);

/** What there is to say about an order whose payment is not there to be captured. */
function answerOf(payment: PaymentRow | undefined, amount: number): Captured {
  if (payment?.status === 'capturing')
    throw fault('service.unavailable', `order ${payment.order_id} is being captured for another step`);
  if (payment?.status === 'captured' && payment.captured === amount)
    return { kind: 'done', output: { paymentId: payment.id } };
  const detail =
    payment === undefined
      ? 'The order has no payment.'
      : `The payment is ${payment.status}, for ${payment.amount} ${payment.currency}.`;
  return { kind: 'refused', code: 'payment.capture-failed', detail };
}
