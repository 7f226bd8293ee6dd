import { parseDecimal } from './decimal.ts';

/** Why a line is not replayed, in the order in which the reasons are looked at. */
export const rejectReasons = [
  'malformed',
  'not-goods',
  'quantity-not-positive',
  'price-not-positive',
  'sub-penny-price',
  'quantity-not-negative',
  'no-customer',
  'no-matching-sale',
] as const;
export type RejectReason = (typeof rejectReasons)[number];

/** The eight fields of a line, as texts. */
export interface RawLine {
  readonly invoice: string;
  readonly code: string;
  readonly description: string;
  readonly quantity: string;
  readonly date: string;
  readonly price: string;
  readonly customer: string;
}

export interface SaleLine {
  readonly kind: 'sale';
  readonly invoice: string;
  readonly sku: string;
  readonly description: string;
  readonly quantity: number;
  /** Pence. */
  readonly unitPrice: number;
  /** Empty for a guest. */
  readonly customer: string;
  readonly atMs: number;
}

/** Goods that came back. Whether they match a sale is found out by whoever keeps the sales. */
export interface ReturnLine {
  readonly kind: 'return';
  readonly invoice: string;
  readonly sku: string;
  /** Units that came back, above zero. */
  readonly quantity: number;
  readonly customer: string;
  readonly atMs: number;
}

export interface RejectedLine {
  readonly kind: 'rejected';
  readonly reason: RejectReason;
}

// What the API takes at the most: a line beyond it is no line of trade.
const quantityMax = 1_000_000;
const penceMax = 1_000_000_000_000;
const codeOfGoods = /^(\d|dcgs|gift_)/i;
const skuForm = /^[A-Z0-9][A-Z0-9._+:-]{0,63}$/;
const invoiceForm = /^[^\s\p{Cc}][^\p{Cc}]{0,89}$/u;
const dateForm = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?$/;

/**
 * Says what a line is: a sale, a return or nothing that can be replayed. The first reason that holds decides. `malformed` is what cannot be read as a
 * line of this format at all, or could not be told to the API: a wrong number of fields, no invoice or code, a quantity, price or date that is none.
 */
export function classify(raw: RawLine | undefined): SaleLine | ReturnLine | RejectedLine {
  if (raw === undefined) return rejected('malformed');
  const invoice = raw.invoice.trim();
  const sku = raw.code.trim().toUpperCase();
  const quantity = wholeNumber(raw.quantity);
  const price = parseDecimal(raw.price);
  const atMs = instantMs(raw.date.trim());
  const customer = customerOf(raw.customer);
  const goods = codeOfGoods.test(sku);
  if (!invoiceForm.test(invoice) || sku === '' || quantity === undefined || price === undefined || atMs === undefined) {
    return rejected('malformed');
  }
  if ((goods && !skuForm.test(sku)) || customer === undefined) return rejected('malformed');
  if (Math.abs(quantity) > quantityMax || Math.abs(price.hundredths) > penceMax) return rejected('malformed');
  if (!goods) return rejected('not-goods');
  if (!invoice.startsWith('C')) {
    if (quantity <= 0) return rejected('quantity-not-positive');
    if (price.sign <= 0) return rejected('price-not-positive');
    if (!price.whole) return rejected('sub-penny-price');
    const { description } = raw;
    return { kind: 'sale', invoice, sku, description, quantity, unitPrice: price.hundredths, customer, atMs };
  }
  if (quantity >= 0) return rejected('quantity-not-negative');
  if (customer === '') return rejected('no-customer');
  return { kind: 'return', invoice, sku, quantity: -quantity, customer, atMs };
}

function rejected(reason: RejectReason): RejectedLine {
  return { kind: 'rejected', reason };
}

function wholeNumber(text: string): number | undefined {
  return /^\s*[+-]?\d{1,15}(\.0*)?\s*$/.test(text) ? Number(text) : undefined;
}

/** `17850.0`, as programs write a number that may be missing, is customer 17850. Undefined when it could be nobody's id. */
function customerOf(text: string): string | undefined {
  const id = text.trim();
  if (id.length > 100 || /\p{Cc}/u.test(id)) return undefined;
  return /^\d+\.0+$/.test(id) ? id.slice(0, id.indexOf('.')) : id;
}

/** The retailer's clock is taken for UTC. */
function instantMs(text: string): number | undefined {
  const match = dateForm.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(ms);
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  return isReal && year >= 1970 ? ms : undefined;
}
