import { analyticsContract } from '@stoa/contracts/analytics';
import { gatewayContract } from '@stoa/contracts/gateway';
import { inventoryContract, type Stock } from '@stoa/contracts/inventory';
import { type Payment, paymentContract } from '@stoa/contracts/payment';
import type { Shop } from '../shop/shop.ts';
import { type Acknowledged, checkAcknowledged } from './acknowledged.ts';
import { Findings, type InvariantName, invariants } from './findings.ts';
import { type BookedOrder, dueFor, isOver, isSold, mayStillTake, type OrderBook, readOrderBook } from './order-book.ts';

/** Checks what the public API shows: every order, payment and stock count, held against each other. */
export async function checkByApi(shop: Shop, acknowledged: Acknowledged | undefined): Promise<Findings> {
  const findings = new Findings();
  const book = await readOrderBook(shop);
  await checkStock(shop, book, findings);
  await checkMoney(shop, book, findings);
  await checkAnalytics(shop, book, findings);
  checkOrders(book, findings);
  if (acknowledged)
    checkAcknowledged(
      new Map([...book.orders].map(([id, { status, live }]) => [id, { status, live }])),
      acknowledged,
      findings,
    );
  await askServices(shop, findings);
  return findings;
}

async function checkStock(shop: Shop, book: OrderBook, findings: Findings): Promise<void> {
  const unseen = new Set([...book.sold.keys()]);
  for await (const stock of shop.list(inventoryContract.operations.listStock, {})) {
    unseen.delete(stock.sku);
    for (const counts of [stock, ...stock.locations]) checkCounts(stock.sku, counts, findings);
    const sold = book.sold.get(stock.sku) ?? 0;
    const live = book.live.get(stock.sku) ?? 0;
    // An order under way may be reserved, sold, or neither.
    const holds = stock.reserved <= live && stock.sold >= sold && stock.sold + stock.reserved <= sold + live;
    findings.expect(
      'I2',
      holds,
      `SKU ${stock.sku}`,
      () => `${stock.reserved} reserved and ${stock.sold} sold; orders under way have ${live}, sold ones ${sold}`,
    );
  }
  for (const sku of unseen)
    findings.violate('I2', `SKU ${sku}`, `it was sold ${book.sold.get(sku)} times and has no stock`);
}

function checkCounts(
  sku: string,
  counts: Pick<Stock, 'available' | 'onHand' | 'reserved' | 'received' | 'returned' | 'adjusted' | 'sold' | 'damaged'>,
  findings: Findings,
): void {
  const { available, onHand, reserved, received, returned, adjusted, sold, damaged } = counts;
  const adds = onHand === available + reserved && received + returned + adjusted - sold - damaged === onHand;
  const negative = [available, onHand, reserved, received, returned, sold, damaged].some((count) => count < 0);
  findings.expect('I1', adds && !negative, `SKU ${sku}`, () =>
    JSON.stringify({ available, onHand, reserved, received, returned, adjusted, sold, damaged }),
  );
}

async function checkMoney(shop: Shop, book: OrderBook, findings: Findings): Promise<void> {
  const paid = new Map<string, number>();
  for await (const payment of shop.list(paymentContract.operations.listPayments, {})) {
    const { orderId, captures } = payment;
    const about = `order ${orderId}`;
    const order = book.orders.get(orderId);
    paid.set(orderId, (paid.get(orderId) ?? 0) + 1);
    findings.expect(
      'I4',
      captures.length <= 1 && paid.get(orderId) === 1,
      about,
      () => `it has ${paid.get(orderId)} payments, this one with ${captures.length} captures`,
    );
    if (order?.live || isRefunding(payment, book)) continue;
    if (!order) {
      if (payment.captured.amount > 0)
        findings.violate('I4', about, `${payment.captured.amount} was captured for it, and there is no such order`);
      continue;
    }
    compareMoney(payment, order, about, findings);
    if (isOver(order.status)) {
      const kept = payment.captured.amount - payment.refunded.amount;
      findings.expect(
        'I7',
        kept === 0 && !mayStillTake(payment.status),
        about,
        () => `it is ${order.status}, and its payment is ${payment.status} with ${kept} kept`,
      );
    }
  }
  for (const [id, order] of book.orders) {
    findings.expect(
      'I4',
      order.live || !isSold(order.status) || paid.has(id) || order.total === 0,
      `order ${id}`,
      () => `it is ${order.status} and has no payment`,
    );
  }
}

const isPending = ({ status }: Payment['refunds'][number]) => status === 'pending';

/** Whether a refund of a payment is under way. */
function isRefunding({ refunds }: Payment, { underWay }: OrderBook): boolean {
  return refunds.some((refund) => isPending(refund) && underWay.has(refund.id));
}

function compareMoney(
  { status, captured, refunded, refunds, ledger }: Payment,
  order: BookedOrder,
  about: string,
  findings: Findings,
): void {
  const clearing = ledger.filter(({ account }) => account === 'provider-clearing');
  const sum = (movement: string) =>
    clearing
      .filter((line) => line.movement === movement)
      .reduce((all, { debit, credit }) => all + debit.amount - credit.amount, 0);
  const balance = ledger.reduce((all, { debit, credit }) => all + debit.amount - credit.amount, 0);
  const books = {
    order: [order.captured, order.refunded],
    payment: [captured.amount, refunded.amount],
    ledger: [sum('capture'), 0 - sum('refund')],
  };
  const agree =
    new Set(Object.values(books).map(String)).size === 1 && balance === 0 && captured.currency === order.currency;
  findings.expect(
    'I3',
    agree,
    about,
    () => `captured and refunded are ${JSON.stringify(books)}, the ledger's balance is ${balance}`,
  );
  findings.expect('I3', !refunds.some(isPending), about, () => 'a refund is pending, and nothing moves it');
  if (isSold(order.status)) {
    findings.expect(
      'I4',
      captured.amount === dueFor(order, status),
      about,
      () => `it is ${order.status} for ${order.total}, and ${captured.amount} was captured`,
    );
  }
}

/** The sums of analytics, currency by currency, are those of the orders. */
async function checkAnalytics(shop: Shop, book: OrderBook, findings: Findings): Promise<void> {
  const sums = new Map<string, { orders: number; revenue: number; refunds: number }>();
  for (const { status, currency, total, refunded } of book.orders.values()) {
    if (!isSold(status)) continue;
    const sum = sums.get(currency) ?? { orders: 0, revenue: 0, refunds: 0 };
    sums.set(currency, { orders: sum.orders + 1, revenue: sum.revenue + total, refunds: sum.refunds + refunded });
  }
  for (const [currency, sum] of sums) {
    const { orders, revenue, refunds } = await shop.call(analyticsContract.operations.getSummary, {
      query: { currency },
    });
    const same = orders === sum.orders && revenue.amount === sum.revenue && refunds.amount === sum.refunds;
    const theirs = { orders, revenue: revenue.amount, refunds: refunds.amount };
    findings.expect(
      'I9',
      same,
      `analytics in ${currency}`,
      () => `it has ${JSON.stringify(theirs)}, the orders ${JSON.stringify(sum)}`,
    );
  }
}

function checkOrders({ orders }: OrderBook, findings: Findings): void {
  for (const [id, { status, live, shipments }] of orders) {
    findings.expect('I5', status !== 'pending' || live, `order ${id}`, () => 'it is pending, and nothing moves it');
    findings.expect(
      'I7',
      !isOver(status) || live || shipments === 0,
      `order ${id}`,
      () => `it is ${status} and has ${shipments} shipments`,
    );
  }
}

/** What the services find in their own databases. */
async function askServices(shop: Shop, findings: Findings): Promise<void> {
  const { checks, partial } = await shop.call(gatewayContract.operations.checkInvariants, {});
  for (const { service, name, held, checked, violations } of checks) {
    if (!(name in invariants)) continue;
    const invariant = name as InvariantName;
    findings.look(invariant, checked);
    for (const [index, { witness }] of violations.entries())
      findings.violate(invariant, `${service} says ${index + 1}`, witness);
    if (!held && violations.length === 0) findings.violate(invariant, `${service} says`, 'it does not hold');
  }
  for (const service of partial)
    findings.violate('I5', `service ${service}`, 'it could not be asked for its invariants');
}
