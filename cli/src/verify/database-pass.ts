import type { Payment } from '@stoa/contracts/payment';
import { type Acknowledged, checkAcknowledged } from './acknowledged.ts';
import { knownOrders, type OrderRow, orderPages, streamsWithoutOrder } from './database-orders.ts';
import { checkStockTables } from './database-stock.ts';
import type { Databases } from './databases.ts';
import { Findings } from './findings.ts';
import { dueFor, isOver, isSold, mayStillTake } from './order-book.ts';

/** Checks what the services' databases say, order by order, each held against the others. */
export async function checkByDatabases(
  databases: Databases,
  acknowledged: Acknowledged | undefined,
): Promise<Findings> {
  const findings = new Findings();
  const seen = new Map<string, Pick<OrderRow, 'status' | 'live'>>();
  await checkStockTables(databases, findings);
  for await (const orders of orderPages(databases)) {
    const ids = orders.map(({ id }) => id);
    const [reserved, booked, money, facts] = [
      await reservedFor(databases, ids),
      await bookedFor(databases, ids),
      await moneyFor(databases, ids),
      await factsFor(databases, ids),
    ];
    for (const order of orders) {
      seen.set(order.id, { status: order.status, live: order.live });
      checkStream(order, findings);
      findings.expect(
        'I5',
        order.status !== 'pending' || order.live,
        `order ${order.id}`,
        () => 'it is pending, and nothing moves it',
      );
      if (order.live) continue;
      checkReserved(order, reserved.get(order.id) ?? [], findings);
      if (isOver(order.status)) {
        const shipped = order.shipments > 0 || booked.has(order.id);
        findings.expect(
          'I7',
          !shipped,
          `order ${order.id}`,
          () =>
            `it is ${order.status} and has ${order.shipments} shipments${booked.has(order.id) ? ', and one is booked' : ''}`,
        );
      }
      checkMoney(order, money.get(order.id) ?? [], findings);
      checkFact(order, facts.get(order.id), findings);
    }
  }
  for (const stream of await streamsWithoutOrder(databases))
    findings.violate('I9', `stream ${stream}`, 'it has events and no order');
  await checkStrangers(databases, findings);
  if (acknowledged) checkAcknowledged(seen, acknowledged, findings);
  return findings;
}

const statusOfEvent: Readonly<Record<string, string>> = {
  'order-placed': 'pending',
  'order-confirmed': 'confirmed',
  'order-rejected': 'rejected',
  'order-cancelled': 'cancelled',
  'order-shipped': 'shipped',
  'order-delivered': 'delivered',
};

/** I9: the stream has every version, and folds to the status and the money that are shown. */
function checkStream(order: OrderRow, findings: Findings): void {
  const { events, first_version, last_version, last_status, captured_by_events, refunded_by_events } = order;
  const about = `order ${order.id}`;
  const whole = first_version === 1 && last_version === events && order.version === events;
  findings.expect(
    'I9',
    whole,
    about,
    () => `it is at version ${order.version}; its ${events} events are versions ${first_version} to ${last_version}`,
  );
  if (!whole) return;
  const status = statusOfEvent[last_status ?? ''];
  const same =
    status === order.status && captured_by_events === order.captured && refunded_by_events === order.refunded;
  findings.expect(
    'I9',
    same,
    about,
    () =>
      `it is ${order.status} with ${order.captured} captured and ${order.refunded} refunded; its stream says ${status}, ${captured_by_events}, ${refunded_by_events}`,
  );
}

interface ReservedRow {
  readonly order_id: string;
  readonly sku: string;
  readonly held: number;
  readonly sold: number;
}

async function reservedFor({ of }: Databases, ids: readonly string[]): Promise<Map<string, ReservedRow[]>> {
  const rows = await of.inventory.query<ReservedRow>(
    `select order_id, sku, coalesce(sum(quantity) filter (where state = 'held'), 0) as held,
            coalesce(sum(quantity) filter (where state = 'sold'), 0) as sold
     from reservation where order_id = any($1::uuid[]) group by order_id, sku`,
    [ids],
  );
  return Map.groupBy(rows, (row) => row.order_id);
}

/** I2 for orders that were sold, I7 for those that were not. */
function checkReserved(order: OrderRow, rows: readonly ReservedRow[], findings: Findings): void {
  const about = `order ${order.id}`;
  const held = rows.filter((row) => row.held > 0);
  const sold = new Map(rows.filter((row) => row.sold > 0).map((row) => [row.sku, row.sold]));
  if (isOver(order.status)) {
    findings.expect(
      'I7',
      held.length === 0 && sold.size === 0,
      about,
      () => `it is ${order.status} and has stock: ${JSON.stringify(rows)}`,
    );
    return;
  }
  findings.look('I7');
  if (!isSold(order.status)) return;
  const items = Object.entries(order.items);
  const same =
    held.length === 0 && items.length === sold.size && items.every(([sku, units]) => sold.get(sku) === units);
  findings.expect(
    'I2',
    same,
    about,
    () => `it is ${order.status} with ${JSON.stringify(order.items)}; the inventory has ${JSON.stringify(rows)} for it`,
  );
}

/** Which of these orders something is to be sent for. */
async function bookedFor({ of }: Databases, ids: readonly string[]): Promise<Set<string>> {
  const rows = await of.shipping.query<{ order_id: string }>(
    `select order_id from booking where order_id = any($1::uuid[]) and status = 'booked'`,
    [ids],
  );
  return new Set(rows.map((row) => row.order_id));
}

interface MoneyRow {
  readonly order_id: string;
  readonly status: Payment['status'];
  readonly refunds_pending: number;
  readonly provider: string;
  readonly captured: number;
  readonly refunded: number;
  readonly booked_captured: number;
  readonly booked_refunded: number;
  readonly captures: number;
  readonly charged_captured: number;
  readonly charged_refunded: number;
  /** Set aside at the provider and neither taken nor let go. */
  readonly authorised: boolean;
}

async function moneyFor({ of }: Databases, ids: readonly string[]): Promise<Map<string, MoneyRow[]>> {
  const rows = await of.payment.query<MoneyRow>(
    `select p.order_id, p.status, p.provider, p.captured, p.refunded,
            p.refunds_pending,
            coalesce(m.captured, 0) as booked_captured, coalesce(m.refunded, 0) as booked_refunded,
            coalesce(c.captures, 0) as captures, coalesce(c.captured, 0) as charged_captured, coalesce(c.refunded, 0) as charged_refunded,
            coalesce(c.authorised, false) as authorised
     from payment p
     left join lateral (
       select sum(amount) filter (where kind = 'capture') as captured, sum(amount) filter (where kind = 'refund') as refunded
       from movement where payment_id = p.id
     ) m on true
     left join lateral (
       select sum(captures) as captures, sum(captured) as captured, sum(refunded) as refunded, bool_or(state = 'authorised') as authorised
       from sandbox.charge where order_id = p.order_id
     ) c on true
     where p.order_id = any($1::uuid[])`,
    [ids],
  );
  return Map.groupBy(rows, (row) => row.order_id);
}

/** I3, I4 and the money of I7. */
function checkMoney(order: OrderRow, rows: readonly MoneyRow[], findings: Findings): void {
  const about = `order ${order.id}`;
  const [row] = rows;
  const asked = order.refunds_pending + (row?.refunds_pending ?? 0);
  findings.expect('I3', asked === 0, about, () => 'a refund is pending, and nothing moves it');
  const paid = rows.length === 1 || (rows.length === 0 && !isSold(order.status));
  findings.expect('I4', paid, about, () => `it is ${order.status} and has ${rows.length} payments`);
  if (!row) return;
  const books = {
    order: [order.captured, order.refunded],
    payment: [row.captured, row.refunded],
    ledger: [row.booked_captured, row.booked_refunded],
    // Another provider's books are not in our database.
    ...(row.provider === 'sandbox' && { provider: [row.charged_captured, row.charged_refunded] }),
  };
  const agree = new Set(Object.values(books).map(String)).size === 1;
  findings.expect('I3', agree, about, () => `captured and refunded are ${JSON.stringify(books)}`);
  findings.expect('I4', row.captures <= 1, about, () => `the provider captured ${row.captures} times for it`);
  if (isSold(order.status)) {
    findings.expect(
      'I4',
      row.captured === dueFor(order, row.status),
      about,
      () => `it is ${order.status} for ${order.total}, and ${row.captured} was captured`,
    );
  }
  if (!isOver(order.status)) return;
  const kept = row.captured - row.refunded;
  findings.expect(
    'I7',
    kept === 0 && !row.authorised && !mayStillTake(row.status),
    about,
    () =>
      `it is ${order.status}, and ${kept} is kept, its payment is ${row.status}${row.authorised ? ', and money is set aside at the provider' : ''}`,
  );
}

interface FactRow {
  readonly order_id: string;
  readonly total: number;
  readonly counted: boolean;
  readonly refunded: number;
}

async function factsFor({ of }: Databases, ids: readonly string[]): Promise<Map<string, FactRow>> {
  const rows = await of.analytics.query<FactRow>(
    `select f.order_id, f.total, f.counted, coalesce((
       select sum(r.amount) from refund_fact r where r.generation = f.generation and r.order_id = f.order_id
     ), 0) as refunded
     from order_fact f where f.generation = (select live from projection) and f.order_id = any($1::uuid[])`,
    [ids],
  );
  return new Map(rows.map((row) => [row.order_id, row]));
}

/** I9: analytics has the orders that were sold, for what they were sold and refunded, and no others as sold. */
function checkFact(order: OrderRow, fact: FactRow | undefined, findings: Findings): void {
  const sold = isSold(order.status);
  const same = sold
    ? fact?.counted === true && fact.total === order.total && fact.refunded === order.refunded
    : fact === undefined || !fact.counted;
  findings.expect('I9', same, `order ${order.id} in analytics`, () => {
    const theirs = fact
      ? JSON.stringify({ total: fact.total, counted: fact.counted, refunded: fact.refunded })
      : 'nothing';
    return `it is ${order.status} for ${order.total} with ${order.refunded} refunded; analytics has ${theirs}`;
  });
}

const pageRows = 5_000;

/** Stock, money and figures of orders that do not exist. */
async function checkStrangers(databases: Databases, findings: Findings): Promise<void> {
  const { of } = databases;
  const held = `select distinct order_id from reservation where state <> 'released' and order_id > $1 order by order_id limit ${pageRows}`;
  const charged = `select distinct order_id from sandbox.charge where (captured > 0 or state = 'authorised') and order_id > $1 order by order_id limit ${pageRows}`;
  const counted = `select order_id from order_fact where generation = (select live from projection) and counted and order_id > $1 order by order_id limit ${pageRows}`;
  const places = [
    { look: of.inventory, text: held, invariant: 'I2', witness: 'it has stock, and there is no such order' },
    { look: of.payment, text: charged, invariant: 'I4', witness: 'it was charged, and there is no such order' },
    { look: of.analytics, text: counted, invariant: 'I9', witness: 'analytics counts it, and there is no such order' },
  ] as const;
  for (const { look, text, invariant, witness } of places) {
    for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
      const ids = (await look.query<{ order_id: string }>(text, [after])).map(({ order_id }) => order_id);
      const known = await knownOrders(databases, ids);
      for (const id of ids) findings.expect(invariant, known.has(id), `order ${id}`, () => witness);
      if (ids.length < pageRows) break;
      after = ids.at(-1) as string;
    }
  }
}
