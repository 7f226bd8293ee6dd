import { paymentCommands } from '@stoa/contracts/payment-messages';
import { newId } from '@stoa/platform/ids';
import type { Outcome } from '@stoa/platform/schema';
import { commandHandler } from '@stoa/platform/service';
import type { PaymentDeps } from '../deps.ts';
import type { ChargeRequest } from '../domain/charge.ts';
import { isPaymentToken } from '../domain/payment-token.ts';
import { replyTo } from '../domain/reply-to.ts';
import { effectNames } from '../effects/requests.ts';
import { insertPayments } from '../store/payments.ts';
import { giveBackTo } from './give-back.ts';

/** Has the provider set an order's money aside. The undo lets it go, wherever the authorisation has got to. */
export const authorisePayment = commandHandler<typeof paymentCommands.authorisePayment, PaymentDeps>(
  paymentCommands.authorisePayment,
  {
    later: true,

    async doMany(commands, tx, service) {
      const { provider } = service.deps;
      const createdAt = service.clock.now();
      const payable = commands
        .filter(({ payload }) => isPaymentToken(payload.paymentToken))
        .map((command) => ({ command, id: newId(service.clock.nowMs()) }));
      const opened = await insertPayments(
        tx,
        payable.map(({ command, id }) => ({
          id,
          order_id: command.payload.orderId,
          provider: provider.name,
          payment_token: command.payload.paymentToken,
          amount: command.payload.amount.amount,
          currency: command.payload.amount.currency,
          reply_to: replyTo(command),
          created_at: createdAt,
        })),
      );
      for (const { command, id } of payable) {
        const { orderId, amount, paymentToken } = command.payload;
        if (!opened.has(id)) continue;
        const payload: ChargeRequest = { key: id, orderId, amount, paymentToken };
        service.perform(tx, { effect: effectNames.authorise, id, payload, cause: command.cause });
      }
      const ids = new Map(payable.map(({ command, id }) => [command, id]));
      return commands.map((command): Outcome<never> | 'later' => {
        const id = ids.get(command);
        if (id === undefined) return declined('This is not a payment token.');
        return opened.has(id) ? 'later' : declined('The order already has a payment.');
      });
    },

    undoMany: (commands, tx, service) => giveBackTo(commands, 'undo', tx, service),
  },
);

function declined(detail: string): Outcome<never> {
  return { kind: 'refused', code: 'payment.declined', detail };
}
