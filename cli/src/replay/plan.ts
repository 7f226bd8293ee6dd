import { classify, type RawLine, type RejectReason, type ReturnLine, type SaleLine } from './classify.ts';
import { GrowingList, Numbering } from './growing-list.ts';
import { SoldLines } from './sold-lines.ts';

/** One item of an order to be placed. */
export interface PlannedItem {
  readonly sku: string;
  readonly quantity: number;
  /** Pence. */
  readonly unitPrice: number;
}

/** One invoice as an order. */
export interface PlannedOrder {
  readonly invoice: string;
  /** Undefined for a guest. */
  readonly customer: string | undefined;
  readonly placedAtMs: number;
  readonly items: readonly PlannedItem[];
  /** Pence. */
  readonly total: number;
}

/** What one cancelling invoice gives back of one order. */
export interface PlannedRefund {
  /** The cancelling invoice. */
  readonly invoice: string;
  readonly order: number;
  readonly refundedAtMs: number;
  /** Units by position among the order's items. */
  readonly items: ReadonlyMap<number, number>;
  /** Pence. */
  readonly amount: number;
  readonly units: number;
}

export interface PlannedProduct {
  readonly sku: string;
  /** The first description that is not empty. */
  readonly title: string | undefined;
  /** The first price it is sold at, in pence. */
  readonly price: number;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };
interface DraftRefund extends Draft<PlannedRefund> {
  items: Map<number, number>;
}

const none = -1;

/**
 * What a file of trade comes to: orders, refunds, products and the reasons for what is left out. Lines are kept as numbers (about 40 bytes each), so
 * that a year takes some 25 MB.
 *
 * An order belongs to the customer and has the date of its first accepted line, wherever in the file its other lines stand.
 */
export class ReplayPlan {
  readonly rejected = new Map<RejectReason, number>();
  linesRead = 0;
  linesSold = 0;
  linesReturned = 0;

  readonly #invoices = new Numbering();
  readonly #customers = new Numbering();
  readonly #skus = new Numbering();
  readonly #titles: (string | undefined)[] = [];
  readonly #firstPrices = new GrowingList('amounts');
  readonly #sold = new SoldLines();
  readonly #line = {
    sku: new GrowingList('integers'),
    quantity: new GrowingList('integers'),
    price: new GrowingList('amounts'),
    order: new GrowingList('integers'),
    position: new GrowingList('integers'),
    next: new GrowingList('integers'),
  };
  readonly #order = {
    customer: new GrowingList('integers'),
    placedAtMs: new GrowingList('amounts'),
    first: new GrowingList('integers'),
    last: new GrowingList('integers'),
    lines: new GrowingList('integers'),
  };
  readonly #refunds = new Map<string, DraftRefund>();

  /** Takes the next line of the file in. Answers why, when it is rejected. */
  take(raw: RawLine | undefined): RejectReason | undefined {
    this.linesRead++;
    const line = classify(raw);
    const reason =
      line.kind === 'rejected' ? line.reason : line.kind === 'sale' ? this.#sell(line) : this.#takeBack(line);
    if (reason) this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + 1);
    return reason;
  }

  get orderCount(): number {
    return this.#order.customer.length;
  }

  /** One order; they are numbered from 0 in the order of their first lines. */
  order(index: number): PlannedOrder {
    const items: PlannedItem[] = [];
    let total = 0;
    for (let line = this.#order.first.at(index); line !== none; line = this.#line.next.at(line)) {
      const item = this.#item(line);
      items.push(item);
      total += item.quantity * item.unitPrice;
    }
    const customer = this.#order.customer.at(index);
    return {
      invoice: this.#invoices.names[index] as string,
      customer: customer === none ? undefined : (this.#customers.names[customer] as string),
      placedAtMs: this.#order.placedAtMs.at(index),
      items,
      total,
    };
  }

  invoiceOf(index: number): string {
    return this.#invoices.names[index] as string;
  }

  placedAtMsOf(index: number): number {
    return this.#order.placedAtMs.at(index);
  }

  itemCountOf(index: number): number {
    return this.#order.lines.at(index);
  }

  refunds(): readonly PlannedRefund[] {
    return [...this.#refunds.values()];
  }

  products(): PlannedProduct[] {
    return this.#skus.names.map((sku, index) => ({
      sku,
      title: this.#titles[index],
      price: this.#firstPrices.at(index),
    }));
  }

  #item(line: number): PlannedItem {
    return {
      sku: this.#skus.names[this.#line.sku.at(line)] as string,
      quantity: this.#line.quantity.at(line),
      unitPrice: this.#line.price.at(line),
    };
  }

  #sell(sale: SaleLine): undefined {
    const customer = sale.customer === '' ? none : this.#customers.indexOf(sale.customer);
    const order = this.#orderOf(sale, customer);
    const sku = this.#skus.indexOf(sale.sku);
    if (sku === this.#firstPrices.length) this.#firstPrices.push(sale.unitPrice);
    this.#titles[sku] ??= titleOf(sale.description);
    const position = this.#order.lines.at(order);
    const line = this.#line.sku.push(sku);
    this.#line.quantity.push(sale.quantity);
    this.#line.price.push(sale.unitPrice);
    this.#line.order.push(order);
    this.#line.position.push(position);
    this.#line.next.push(none);
    if (position === 0) this.#order.first.set(order, line);
    else this.#line.next.set(this.#order.last.at(order), line);
    this.#order.last.set(order, line);
    this.#order.lines.set(order, position + 1);
    this.#sold.add(customer, sku, sale.quantity);
    this.linesSold++;
    return undefined;
  }

  #orderOf(sale: SaleLine, customer: number): number {
    const order = this.#invoices.indexOf(sale.invoice);
    if (order === this.#order.customer.length) {
      this.#order.customer.push(customer);
      this.#order.placedAtMs.push(sale.atMs);
      this.#order.first.push(none);
      this.#order.last.push(none);
      this.#order.lines.push(0);
    }
    return order;
  }

  #takeBack(line: ReturnLine): RejectReason | undefined {
    const customer = this.#customers.find(line.customer);
    const sku = this.#skus.find(line.sku);
    const known = customer !== undefined && sku !== undefined;
    const portions = known ? this.#sold.match(customer, sku, line.quantity) : undefined;
    if (!portions) return 'no-matching-sale';
    for (const { line: sold, quantity } of portions) this.#refund(line, sold, quantity);
    this.linesReturned++;
    return undefined;
  }

  #refund(line: ReturnLine, sold: number, quantity: number): void {
    const order = this.#line.order.at(sold);
    const key = `${order} ${line.invoice}`;
    const refund = this.#refunds.get(key) ?? {
      invoice: line.invoice,
      order,
      refundedAtMs: line.atMs,
      items: new Map<number, number>(),
      amount: 0,
      units: 0,
    };
    const position = this.#line.position.at(sold);
    refund.items.set(position, (refund.items.get(position) ?? 0) + quantity);
    refund.amount += quantity * this.#line.price.at(sold);
    refund.units += quantity;
    this.#refunds.set(key, refund);
  }
}

/** A description as a title of the catalogue: one line without control characters. */
function titleOf(description: string): string | undefined {
  const title = description.replace(/[\p{Cc}\u2028\u2029\s]+/gu, ' ').trim();
  return title === '' ? undefined : title.slice(0, 200).toWellFormed();
}
