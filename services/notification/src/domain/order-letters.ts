import type { MailContent, OrderConfirmed } from './content.ts';
import { type Block, greetingTo, type Letter, text } from './letter.ts';
import { spellDate, spellMoney } from './spelling.ts';

type ContentOf<T extends MailContent['template']> = Extract<MailContent, { template: T }>;

export function orderConfirmedLetter(order: OrderConfirmed, name: string): Letter {
  const lines = order.lines.map((line) => [`${line.quantity} × ${line.title}`, spellMoney(line.lineTotal)] as const);
  const blocks: Block[] = [
    text(`Thank you for your order ${order.number} of ${spellDate(order.placedAt)}. It is confirmed.`),
    { kind: 'table', rows: lines },
  ];
  if (order.moreLines > 0) blocks.push(text(`… and ${order.moreLines} more.`));
  blocks.push({ kind: 'table', rows: totalRows(order) });
  return { subject: `Your order ${order.number} is confirmed`, greeting: greetingTo(name), blocks };
}

function totalRows({ totals }: OrderConfirmed): (readonly [string, string])[] {
  const rows: (readonly [string, string])[] = [['Subtotal', spellMoney(totals.subtotal)]];
  if (totals.discount.amount > 0) rows.push(['Discount', `−${spellMoney(totals.discount)}`]);
  if (totals.shipping.amount > 0) rows.push(['Shipping', spellMoney(totals.shipping)]);
  if (totals.tax.amount > 0) rows.push(['Tax', spellMoney(totals.tax)]);
  rows.push(['Total', spellMoney(totals.total)]);
  return rows;
}

const rejections: Readonly<Record<string, string>> = {
  'order.out-of-stock': 'One of the items is out of stock.',
  'payment.declined': 'The payment was declined.',
  'payment.unavailable': 'The payment provider could not be reached. Please try again later.',
};

export function orderRejectedLetter(order: ContentOf<'order-rejected'>, name: string): Letter {
  return {
    subject: `Your order ${order.number} could not be completed`,
    greeting: greetingTo(name),
    blocks: [
      text(`We are sorry: we could not complete your order ${order.number}.`),
      text(`${rejections[order.code] ?? ''} You have not been charged.`.trim()),
    ],
  };
}

export function orderCancelledLetter(order: ContentOf<'order-cancelled'>, name: string): Letter {
  const money = order.wasConfirmed
    ? `If ${spellMoney(order.total)} was charged, it is returned to you in full.`
    : 'You have not been charged.';
  return {
    subject: `Your order ${order.number} is cancelled`,
    greeting: greetingTo(name),
    blocks: [text(`Your order ${order.number} is cancelled.`), text(money)],
  };
}

export function orderShippedLetter(order: ContentOf<'order-shipped'>, name: string): Letter {
  const rows: [string, string][] = [['Carrier', order.carrier]];
  if (order.trackingNumber !== null) rows.push(['Tracking number', order.trackingNumber]);
  return {
    subject: `Your order ${order.number} is on its way`,
    greeting: greetingTo(name),
    blocks: [text(`Goods of your order ${order.number} have left our warehouse.`), { kind: 'table', rows }],
  };
}

export function orderRefundedLetter(order: ContentOf<'order-refunded'>, name: string): Letter {
  return {
    subject: `Refund for your order ${order.number}`,
    greeting: greetingTo(name),
    blocks: [text(`We have refunded ${spellMoney(order.amount)} of your order ${order.number}.`)],
  };
}
