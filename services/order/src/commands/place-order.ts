import type { Order, orderContract, PlaceOrder } from '@stoa/contracts/order';
import { type OrderLine, type OrderTotals, orderEvents } from '@stoa/contracts/order-messages';
import { refusal } from '@stoa/platform/errors';
import { isStaff } from '@stoa/platform/http';
import { once } from '@stoa/platform/idempotency';
import { newId } from '@stoa/platform/ids';
import { format, zero } from '@stoa/platform/money';
import type { Call, Handler } from '@stoa/platform/service';
import { type Tx, violatedConstraint } from '@stoa/platform/sql';
import { type CheckOutInput, checkOutName } from '../check-out-input.ts';
import type { OrderDeps, OrderService } from '../deps.ts';
import { checkItems, currencyOf, priceLines, totalsOf } from '../domain/pricing.ts';
import { findCart, requireOpen, whyNot } from '../find-cart.ts';
import { inactive } from '../neighbours/customers.ts';
import { orderView, tagOf } from '../order-view.ts';
import { actorOf } from '../owner.ts';
import { type CartRow, markOrdered } from '../store/carts.ts';
import { addContact, contactOfErasedUser } from '../store/contacts.ts';
import { type OrderRecord, recordPlaced } from '../store/orders.ts';
import { settleOrder } from './settle-order.ts';

type PlaceOrderCall = Call<typeof orderContract.operations.placeOrder>;

/** An order with everything decided, before anything is written. */
interface Draft {
  readonly id: string;
  readonly number: string;
  readonly userId: string | null;
  readonly email: string | null;
  readonly lines: OrderLine[];
  readonly totals: OrderTotals;
  readonly shippingMethod: string | null;
  readonly cart: CartRow | undefined;
}

/** Places an order: refuses at once what can never be fulfilled, and starts the check-out for the rest. */
export const placeOrder: Handler<typeof orderContract.operations.placeOrder, OrderDeps> = async (call, service) => {
  const { body } = call;
  checkStaffFields(call);
  checkSource(body);
  let placed: OrderRecord | undefined;
  return once<Order, typeof orderContract.operations.placeOrder, Draft>(call, service as never, {
    // An order of a cart commits alone, since it locks the cart.
    grouped: body.cartId === undefined,
    guest: body.email,
    secrets: (orderId) =>
      customerOf(call) === null ? { orderToken: service.deps.tokens.tokenOf(orderId) } : undefined,
    prepare: () => prepare(call, service),
    work: async (tx, draft) => {
      if (draft.cart) await takeCart(tx, draft.cart, draft.id);
      placed = write(tx, call, draft, service);
      const order = orderView(placed);
      const answer = {
        status: 202,
        body: order,
        headers: { location: `/api/v1/orders/${order.id}` },
        version: tagOf(order),
      };
      return call.waitS ? { resource: order.id } : { resource: order.id, answer };
    },
    refusalOf: (error) => refusalOf(error, body),
    settle: (orderId) => settleOrder(orderId, placed?.id === orderId ? placed : undefined, call, service),
  });
};

function refusalOf(cause: unknown, { externalId }: PlaceOrder): Error | undefined {
  const constraint = violatedConstraint(cause);
  if (constraint === 'orders_external_id_key')
    return refusal('order.external-id-taken', `There is an order with the externalId ${externalId} already.`, {
      cause,
    });
  return constraint === contactOfErasedUser ? inactive(cause) : undefined;
}

async function prepare(call: PlaceOrderCall, service: OrderService): Promise<Draft> {
  const { body, principal } = call;
  const { deps } = service;
  if (body.couponCode !== undefined) throw refusal('coupon.unknown', `There is no coupon ${body.couponCode}.`);
  const cart = body.cartId === undefined ? undefined : await findCart(call, body.cartId, service);
  if (cart) requireOpen(cart);
  const items = checkItems(cart ? cart.items.map(({ sku, quantity }) => ({ sku, quantity })) : body.items);
  const userId = customerOf(call);
  const customer = userId ? await deps.customers.active(userId, call) : undefined;
  const email = body.email ?? customer?.email ?? null;
  if (!email && !isStaff(principal, ['support']))
    throw refusal('order.email-needed', 'A guest’s order needs an e-mail address in `email`.');
  const catalogue = await deps.catalogue.find([...new Set(items.map((item) => item.sku.toUpperCase()))], call);
  const currency = currencyOf(cart?.currency ? { currency: cart.currency } : body, items, catalogue);
  if (cart && body.currency && body.currency !== currency)
    throw refusal('order.currency-mismatch', `The cart is in ${currency}, not in ${body.currency}.`);
  const lines = priceLines(items, catalogue, { currency, newId });
  const quote = await shippingOf(body, currency, call, service);
  const totals = totalsOf(lines, quote?.price ?? zero(currency));
  if (
    body.expectedTotal &&
    (body.expectedTotal.currency !== currency || body.expectedTotal.amount !== totals.total.amount)
  ) {
    throw refusal(
      'order.price-changed',
      `The total is ${format(totals.total)}, not ${format(body.expectedTotal)} as expected. Show the new total and ask again.`,
    );
  }
  return {
    id: newId(),
    number: await deps.numbers.take(),
    userId,
    email,
    lines,
    totals,
    shippingMethod: quote?.code ?? null,
    cart,
  };
}

/** Makes the cart this order's, or refuses: it may have become another's, or another than what was priced. */
async function takeCart(tx: Tx, cart: CartRow, orderId: string): Promise<void> {
  if (await markOrdered(tx, cart, orderId)) return;
  throw await whyNot(tx, cart.id, () =>
    refusal(
      'cart.changed',
      'The cart changed while it was being ordered. Look at it again and order it with a new key.',
    ),
  );
}

/** Whose order it is: the caller's, or whoever staff enter it for; null is a guest's. Staff who name an address write down the order of somebody who called. */
function customerOf({ body, principal }: PlaceOrderCall): string | null {
  if (body.customerId) return body.customerId;
  const isForGuest = usesStaffFields(body) || (body.email !== undefined && isStaff(principal, ['support']));
  return principal.kind === 'user' && !isForGuest ? principal.userId : null;
}

async function shippingOf(body: PlaceOrder, currency: string, call: PlaceOrderCall, { deps }: OrderService) {
  if (body.shippingMethod === 'none') return undefined;
  if (!body.shippingAddress) {
    throw refusal('order.address-needed', 'Goods are sent to an address: name it in `shippingAddress`.', {
      errors: [{ path: '/shippingAddress', message: 'is required' }],
    });
  }
  const { country } = body.shippingAddress;
  return deps.shippingPrices.quote(
    { country, currency, ...(body.shippingMethod && { method: body.shippingMethod }) },
    call,
  );
}

/** Everything that placing an order writes, in one transaction: stream, projection, contact, saga, event. */
function write(tx: Tx, call: PlaceOrderCall, draft: Draft, service: OrderService): OrderRecord {
  const { body, cause } = call;
  const { id, number, userId, email, lines, totals, shippingMethod } = draft;
  const contactId = newId();
  const metadata = body.metadata ?? draft.cart?.metadata ?? {};
  const now = service.clock.now();
  // As the database keeps it, to the millisecond: the stream and what it folds to are to say the same.
  const placedAt = body.placedAt === undefined ? now : new Date(body.placedAt).toISOString();
  addContact(tx, { id: contactId, user_id: userId, email, shipping_address: body.shippingAddress ?? null });
  const state = recordPlaced(
    tx,
    id,
    {
      type: 'order-placed',
      data: {
        number,
        userId,
        contactId,
        externalId: body.externalId ?? null,
        items: lines,
        totals,
        shippingMethod,
        metadata,
        ...(body.taxExempt && { taxExempt: true }),
      },
    },
    { actor: actorOf(call.principal), at: placedAt },
    now,
  );
  service.sagas.start<CheckOutInput>(tx, checkOutName, {
    key: id,
    input: {
      contactId,
      lines: lines.map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity })),
      total: totals.total,
      paymentToken: body.paymentToken,
      shippingMethod,
    },
    cause,
  });
  service.publish(tx, orderEvents.orderPlaced, {
    key: id,
    payload: { orderId: id, number, userId, contactId, placedAt, items: lines, totals, metadata },
    cause,
  });
  return { id, state, created_at: now, email, shipping_address: body.shippingAddress ?? null };
}

function checkSource(body: PlaceOrder): void {
  if (body.cartId === undefined || body.items === undefined) return;
  throw refusal('request.invalid', 'An order is of a cart or of items, not of both.', {
    errors: [{ path: '/items', message: 'cannot be beside cartId' }],
  });
}

const staffFields = ['customerId', 'externalId', 'placedAt', 'taxExempt'] as const;

/** What only staff may say, for imports and negotiated sales. */
function checkStaffFields({ body, principal }: PlaceOrderCall): void {
  if (isStaff(principal, ['support']) || !usesStaffFields(body)) return;
  const named: string[] = staffFields.filter((field) => body[field] !== undefined);
  if (body.shippingMethod === 'none') named.push('shippingMethod: "none"');
  if (body.items?.some((item) => item.unitPrice)) named.push('unitPrice');
  throw refusal('auth.forbidden', `Only staff may send ${named.join(', ')}.`);
}

function usesStaffFields(body: PlaceOrder): boolean {
  return (
    staffFields.some((field) => body[field] !== undefined) ||
    body.shippingMethod === 'none' ||
    (body.items ?? []).some((item) => item.unitPrice)
  );
}
