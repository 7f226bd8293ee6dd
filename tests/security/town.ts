import type { Order } from '@stoa/contracts/order';
import type { Role } from '@stoa/platform/auth';
import { newId } from '@stoa/platform/ids';
import type { WatchedShop } from './open-shop.ts';
import type { Sent, Wire } from './send.ts';

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sessionId: string;
}

/** An order with what its owner holds. */
export interface OwnedOrder {
  readonly order: Order;
  readonly shipmentId: string;
  /** A cart of the same owner, not ordered yet. */
  readonly cartId: string;
}

/** The headers by which a guest proves what is theirs. */
export type GuestTokens = Readonly<Record<'x-order-token' | 'x-cart-token', string>>;

export const password = 'a long enough password';
export const address = {
  name: 'A Customer',
  line1: '1 High Street',
  city: 'Bristol',
  postalCode: 'BS1 1AA',
  country: 'GB',
};

const staffRoles = ['support', 'merchandiser', 'operator'] as const;

/** The people of the tests, and one of everything they could want from each other. */
export interface Town {
  readonly wire: Wire;
  readonly adminToken: string;
  readonly customerA: Person;
  readonly customerB: Person;
  readonly staff: Readonly<Record<(typeof staffRoles)[number], Person>>;
  readonly keys: Readonly<Record<Role, string>>;
  readonly sku: string;
  readonly productId: string;
  readonly categoryId: string;
  /** Delivered, so that nothing can be changed about it any more. */
  readonly orderOfA: OwnedOrder;
  readonly orderOfB: OwnedOrder;
  readonly orderOfGuest: OwnedOrder;
  readonly guest: GuestTokens;
  /** A guest who has tokens, but of another order and another cart. */
  readonly otherGuest: GuestTokens;
  readonly paymentId: string;
  readonly apiKeyId: string;
  readonly sagaId: string;
}

/** Sends JSON and returns the answer, whatever it is. */
export function ask(
  wire: Wire,
  method: string,
  path: string,
  { token, body, headers }: { token?: string | undefined; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Sent> {
  return wire.send({
    method,
    path,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      'idempotency-key': newId(),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** Asks for what has to be granted. */
export async function get<B>(...asking: Parameters<typeof ask>): Promise<B> {
  const { status, text } = await ask(...asking);
  if (status >= 300) throw new Error(`${asking[1]} ${asking[2]} answered ${status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as B;
}

export async function register(wire: Wire): Promise<Person> {
  const body = { email: `${newId()}@customer.example`, password, name: 'A Customer' };
  return personOf(await get(wire, 'POST', '/api/v1/auth/register', { body }));
}

export async function signIn(wire: Wire, email: string, secret = password): Promise<Person> {
  return personOf(await get(wire, 'POST', '/api/v1/auth/login', { body: { email, password: secret } }));
}

interface SignedIn {
  readonly user: { readonly id: string; readonly email: string };
  readonly accessToken: string;
  readonly refreshToken: string;
}

function personOf({ user, accessToken, refreshToken }: SignedIn): Person {
  const claims = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as { sid: string };
  return { ...user, accessToken, refreshToken, sessionId: claims.sid };
}

/** Fills an empty shop. */
export async function settleTown(shop: WatchedShop, wire: Wire): Promise<Town> {
  const { accessToken: adminToken } = await signIn(wire, shop.admin.email, shop.admin.password);
  const asAdmin = <B>(method: string, path: string, body?: unknown) =>
    get<B>(wire, method, path, { token: adminToken, body });

  const hire = async (role: Role): Promise<Person> => {
    const { id, email } = await register(wire);
    await asAdmin('PATCH', `/api/v1/users/${id}`, { role });
    return signIn(wire, email);
  };
  const makeKey = async (role: Role) =>
    asAdmin<{ id: string; key: string }>('POST', '/api/v1/api-keys', { name: role, role });
  const [customerA, customerB, support, merchandiser, operator] = await Promise.all([
    register(wire),
    register(wire),
    ...staffRoles.map(hire),
  ] as [Promise<Person>, Promise<Person>, Promise<Person>, Promise<Person>, Promise<Person>]);
  const keys = {} as Record<Role, string>;
  for (const role of ['customer', ...staffRoles, 'admin'] as const) keys[role] = (await makeKey(role)).key;
  const spareKey = await makeKey('customer');

  const sku = 'GOODS-1';
  const category = await asAdmin<{ id: string }>('POST', '/api/v1/categories', { title: 'Goods' });
  const product = await asAdmin<{ id: string }>('POST', '/api/v1/products', {
    title: 'Goods',
    status: 'active',
    variants: [{ sku, price: { amount: 1_000, currency: 'EUR' } }],
  });
  await asAdmin('POST', `/api/v1/inventory/${sku}/adjustments`, {
    kind: 'received',
    quantity: 100_000,
    reason: 'opening stock',
  });

  const place = async (token?: string) =>
    get<Order>(wire, 'POST', '/api/v1/orders', {
      token,
      headers: { prefer: 'wait=20' },
      body: {
        items: [{ sku, quantity: 2 }],
        shippingAddress: address,
        paymentToken: 'tok_approved',
        ...(token === undefined && { email: 'guest@customer.example' }),
      },
    });
  const fillCart = (token?: string) =>
    get<{ id: string; token?: string }>(wire, 'POST', '/api/v1/carts', { token, body: {} });
  const deliver = async (order: Order, cart: { id: string }): Promise<OwnedOrder> => {
    const shipment = await asAdmin<{ id: string }>('POST', `/api/v1/orders/${order.id}/shipments`, { carrier: 'Post' });
    await asAdmin('POST', `/api/v1/shipments/${shipment.id}/delivered`);
    return { order, shipmentId: shipment.id, cartId: cart.id };
  };
  const [ofA, ofB, ofGuest, ofOtherGuest] = await Promise.all([
    place(customerA.accessToken),
    place(customerB.accessToken),
    place(),
    place(),
  ]);
  const [cartOfA, cartOfB, cartOfGuest, cartOfOtherGuest] = await Promise.all([
    fillCart(customerA.accessToken),
    fillCart(customerB.accessToken),
    fillCart(),
    fillCart(),
  ]);
  const [orderOfA, orderOfB, orderOfGuest] = await Promise.all([
    deliver(ofA, cartOfA),
    deliver(ofB, cartOfB),
    deliver(ofGuest, cartOfGuest),
  ]);
  const payments = await asAdmin<{ items: { id: string }[] }>('GET', `/api/v1/payments?orderId=${ofA.id}`);
  const sagas = await asAdmin<{ items: { id: string }[] }>('GET', '/api/v1/ops/sagas?limit=1');
  return {
    wire,
    adminToken,
    customerA,
    customerB,
    staff: { support, merchandiser, operator },
    keys,
    sku,
    productId: product.id,
    categoryId: category.id,
    orderOfA,
    orderOfB,
    orderOfGuest,
    guest: { 'x-order-token': ofGuest.orderToken ?? '', 'x-cart-token': cartOfGuest.token ?? '' },
    otherGuest: { 'x-order-token': ofOtherGuest.orderToken ?? '', 'x-cart-token': cartOfOtherGuest.token ?? '' },
    paymentId: (payments.items[0] as { id: string }).id,
    apiKeyId: spareKey.id,
    sagaId: (sagas.items[0] as { id: string }).id,
  };
}
