import { paymentCommands } from '@stoa/contracts/payment-messages';
import { fault } from '@stoa/platform/errors';
import type { Outcome, PayloadOf } from '@stoa/platform/schema';
import { commandHandler, type ReceivedCommand } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import type { PaymentDeps } from '../deps.ts';
import { replyTo } from '../domain/reply-to.ts';
import { effectNames, type RefundPayload } from '../effects/requests.ts';
import { findRefunds, grantRefunds, type RefundRow } from '../store/refunds.ts';
import { refuseUndo } from './refuse-undo.ts';

type Command = ReceivedCommand<PayloadOf<typeof paymentCommands.refundPayment>>;
type Refunded = Outcome<{ paymentId: string }>;

/** Gives back part of what was captured, never more than is left of it. */
export const refundPayment = commandHandler<typeof paymentCommands.refundPayment, PaymentDeps>(
  paymentCommands.refundPayment,
  {
    later: true,

    async doMany(commands, tx, service) {
      const granted = await grant(commands, tx, service.clock.now());
      for (const command of commands) {
        const { refundId, orderId, amount, refundedAt } = command.payload;
        const paymentId = granted.get(refundId);
        if (paymentId === undefined) continue;
        const payload: RefundPayload = {
          refundId,
          paymentId,
          orderId,
          amount,
          refundedAt,
          replyTo: replyTo(command),
          release: false,
        };
        service.perform(tx, { effect: effectNames.refund, id: refundId, payload, cause: command.cause });
      }
      const others = commands.filter(({ payload }) => !granted.has(payload.refundId));
      const known =
        others.length > 0
          ? await findRefunds(
              tx,
              others.map(({ payload }) => payload.refundId),
            )
          : new Map();
      return commands.map(({ payload: { refundId } }): Refunded | 'later' =>
        granted.has(refundId) ? 'later' : answerOf(known.get(refundId)),
      );
    },

    undoMany: refuseUndo,
  },
);

/** Grants refunds in rounds of one an order, so that each sees what the one before was granted. */
async function grant(commands: readonly Command[], tx: Tx, at: string): Promise<Map<string, string>> {
  const granted = new Map<string, string>();
  for (let left = [...commands]; left.length > 0; ) {
    const orders = new Set<string>();
    const next: Command[] = [];
    const round = left.filter((command) => {
      const first = !orders.has(command.payload.orderId);
      orders.add(command.payload.orderId);
      if (!first) next.push(command);
      return first;
    });
    const asked = round.map(({ payload: { refundId, orderId, amount, refundedAt } }) => ({
      id: refundId,
      order_id: orderId,
      ...amount,
      refunded_at: refundedAt,
    }));
    for (const [id, paymentId] of await grantRefunds(tx, asked, at)) granted.set(id, paymentId);
    left = next;
  }
  return granted;
}

/** What there is to say about a refund that was not granted now: as its id was answered before, or that there is not so much left. */
function answerOf(known: RefundRow | undefined): Refunded {
  if (known === undefined) {
    return {
      kind: 'refused',
      code: 'payment.refund-exceeds-captured',
      detail: 'The refund is more than what is left of the payment.',
    };
  }
  if (known.status === 'pending')
    throw fault('service.unavailable', `refund ${known.id} is under way for another step`);
  if (known.status === 'done') return { kind: 'done', output: { paymentId: known.payment_id } };
  return {
    kind: 'refused',
    code: 'payment.refund-failed',
    detail: known.failure?.detail ?? 'The provider refused the refund.',
  };
}
