import type { PaymentStatus } from '@stoa/contracts/payment';
import { fault } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import { type Money, money } from '@stoa/platform/money';
import type { Outcome } from '@stoa/platform/schema';
import type { Tx } from '@stoa/platform/sql';
import type { PaymentService } from '../deps.ts';
import { giveBackOf } from '../domain/give-back.ts';
import { oneAnOrder } from '../domain/one-an-order.ts';
import { type ReplyTo, replyTo } from '../domain/reply-to.ts';
import { effectNames, type RefundPayload, requestVoid } from '../effects/requests.ts';
import { lockPayments, noteGiveBack, type PaymentRow } from '../store/payments.ts';
import { grantRest, type RestRefund } from '../store/refunds.ts';

type Asked = ReplyTo & { readonly payload: { readonly orderId: string } };
type Reason = 'undo' | 'release';

/** What has been decided for a batch, written together at its end. */
interface Decisions {
  readonly notes: { id: string; give_back: ReplyTo | null; status: PaymentStatus }[];
  readonly refunds: RestRefund[];
}

/**
 * Gives everything of orders back: voids what is held, and for a release refunds what is left of what was captured. While something is under way
 * at the provider, a refund too, for it may be declined, it is noted who waits, and decided when the provider has answered.
 */
export async function giveBackTo(
  asked: readonly Asked[],
  reason: Reason,
  tx: Tx,
  service: PaymentService,
): Promise<(Outcome<never> | 'later')[]> {
  const at = service.clock.now();
  const rows = await lockPayments(
    tx,
    oneAnOrder(asked).map(({ payload }) => payload.orderId),
  );
  const payments = new Map(rows.map((row) => [row.order_id, row]));
  const decisions: Decisions = { notes: [], refunds: [] };
  const outcomes = asked.map((one) => {
    const payment = payments.get(one.payload.orderId);
    return payment ? decide(one, payment, reason, { decisions, at, tx, service }) : nothingLeft(reason, undefined);
  });
  await noteGiveBack(tx, decisions.notes, at);
  await grantRest(tx, decisions.refunds, at);
  return outcomes as (Outcome<never> | 'later')[];
}

function decide(
  asked: Asked,
  payment: PaymentRow,
  reason: Reason,
  { decisions, at, tx, service }: { decisions: Decisions; at: string; tx: Tx; service: PaymentService },
): Outcome | 'later' {
  const { id, currency } = payment;
  const give_back = replyTo(asked);
  const wait = (): 'later' => {
    // Answered by what is under way. Two who wait at once never come from one order; the second asks again until the first is served.
    if (payment.give_back !== null)
      throw fault('service.unavailable', `the payment of order ${payment.order_id} is being given back already`);
    decisions.notes.push({ id, give_back, status: payment.status });
    return 'later';
  };
  switch (giveBackOf(payment.status)) {
    case 'nothing':
      return nothingLeft(reason, currency);
    case 'wait':
      return wait();
    case 'void':
      decisions.notes.push({ id, give_back, status: 'voiding' });
      requestVoid(tx, payment, asked.cause, service);
      return 'later';
    case 'refund':
      if (reason === 'undo') return captured();
      if (payment.refunds_pending > 0) return wait();
      // Who waited is served now: the next refund that is settled is none of theirs.
      if (payment.give_back !== null) decisions.notes.push({ id, give_back: null, status: payment.status });
      return refundRest(payment, give_back, { decisions, at, tx, service });
  }
}

function refundRest(
  payment: PaymentRow,
  to: ReplyTo,
  { decisions, at, tx, service }: { decisions: Decisions; at: string; tx: Tx; service: PaymentService },
): Outcome | 'later' {
  const { id, order_id, currency, captured, refunded } = payment;
  const amount = captured - refunded;
  if (amount === 0) return nothingLeft('release', currency);
  const refundId = newId(service.clock.nowMs());
  decisions.refunds.push({ id: refundId, payment_id: id, amount, currency });
  const payload: RefundPayload = {
    refundId,
    paymentId: id,
    orderId: order_id,
    amount: money(amount, currency),
    refundedAt: at,
    replyTo: to,
    release: true,
  };
  service.perform(tx, { effect: effectNames.refund, id: refundId, payload, cause: to.cause });
  return 'later';
}

/** Decides for those who asked for everything back while the provider had something else of the payment under way. */
export async function giveBackWhereAsked(
  settled: readonly { readonly order_id: string; readonly give_back: ReplyTo | null }[],
  tx: Tx,
  service: PaymentService,
): Promise<void> {
  const asked = settled.flatMap(({ order_id, give_back }) =>
    give_back ? [{ ...give_back, payload: { orderId: order_id } }] : [],
  );
  if (asked.length === 0) return;
  const outcomes: (Outcome | 'later')[] = await giveBackTo(asked, 'release', tx, service);
  asked.forEach((one, at) => {
    const outcome = outcomes[at] as Outcome | 'later';
    if (outcome !== 'later') service.reply(tx, one, outcome);
  });
}

function nothingLeft(reason: Reason, currency: string | undefined): Outcome {
  return { kind: 'done', output: reason === 'undo' ? {} : { refunded: nothing(currency) } };
}

/** No money, in the currency of the order where it has a payment. */
export function nothing(currency: string | undefined): Money {
  return money(0, currency ?? 'EUR');
}

function captured(): Outcome {
  return {
    kind: 'refused',
    code: 'payment.not-undoable',
    detail: 'The money has been captured; give it back by a refund.',
  };
}
