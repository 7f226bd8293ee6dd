import { newId } from '@stoa/platform/ids';
import type { NamedOperation } from './operations.ts';
import { sampleOf } from './samples.ts';
import type { OwnedOrder, Town } from './town.ts';
import { address } from './town.ts';

/** A request that an operation takes, before it is written down. */
export interface GoodRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** A request to the operation about things that exist, as its contract asks for it; about `owned` where it is about an order. */
export function goodRequest(
  { name, operation }: NamedOperation,
  town: Town,
  owned: OwnedOrder = town.orderOfA,
): GoodRequest {
  const sampled = sampleOf(operation.params) as Record<string, string>;
  const known = knownParam(operation.path, town, owned);
  const params = Object.fromEntries(
    Object.keys(sampled).map((key) => [key, key === 'sku' ? town.sku : (known ?? (sampled[key] as string))]),
  );
  const query = requiredOnly(operation.query);
  const body = operation.body && (bodies(name, town, owned) ?? sampleOf(operation.body));
  return { params, query, body };
}

/** What stands in the path of each kind of thing. */
function knownParam(path: string, town: Town, { order, shipmentId, cartId }: OwnedOrder): string | undefined {
  const places: Readonly<Record<string, string>> = {
    '/api/v1/orders/:id': order.id,
    '/api/v1/shipments/:id': shipmentId,
    '/api/v1/carts/:id': cartId,
    '/api/v1/users/:id': town.customerA.id,
    '/api/v1/users/me/sessions/:id': town.customerA.sessionId,
    '/api/v1/products/:id': town.productId,
    '/api/v1/categories/:id': town.categoryId,
    '/api/v1/payments/:id': town.paymentId,
    '/api/v1/api-keys/:id': town.apiKeyId,
    '/api/v1/ops/sagas/:id': town.sagaId,
    '/api/v1/webhooks/payments/:provider': 'sandbox',
  };
  const place = Object.keys(places).find((start) => path === start || path.startsWith(`${start}/`));
  return place && places[place];
}

/** Bodies about things that exist, where a sample would be about nothing. */
function bodies(name: string, town: Town, { order }: OwnedOrder): unknown {
  const lineId = order.items[0]?.lineId;
  switch (name) {
    case 'order.placeOrder':
      return {
        items: [{ sku: town.sku, quantity: 1 }],
        email: 'guest@customer.example',
        shippingAddress: { ...address, line2: 'Flat 2', region: 'Somerset', phone: '+44 117 496 0000' },
        shippingMethod: 'standard',
        paymentToken: 'tok_approved',
        currency: 'EUR',
        metadata: { source: 'test' },
      };
    case 'order.refundOrder':
      return {
        items: [{ lineId, quantity: 1 }],
        reason: 'broken',
        restock: true,
        refundedAt: '2026-01-02T03:04:05.000Z',
      };
    case 'order.createShipment':
      return { items: [{ lineId, quantity: 1 }], carrier: 'Post', trackingNumber: 'T1' };
    case 'order.eraseGuest':
      return { orderId: order.id };
    case 'product.createCategory':
      return { title: 'More goods', slug: `goods-${newId()}`, parentId: null, position: 1 };
    case 'product.changeCategory':
      return { title: 'Goods', parentId: null, position: 1 };
    case 'product.createProduct':
      return productBody(`goods-${newId()}`, `SKU-${newId()}`);
    case 'product.changeProduct':
      return productBody('goods', town.sku);
    default:
      return undefined;
  }
}

function productBody(slug: string, sku: string): unknown {
  const price = { amount: 1_000, currency: 'EUR' };
  return {
    slug,
    title: 'Goods',
    description: 'What one needs.',
    status: 'active',
    category: 'goods',
    tags: ['new'],
    images: [{ url: '/pictures/goods.png', alt: 'Goods' }],
    metadata: { source: 'test' },
    variants: [
      {
        sku,
        title: 'Plain',
        price,
        prices: [{ amount: 900, currency: 'GBP' }],
        attributes: { size: 'M' },
        metadata: { source: 'test' },
      },
    ],
  };
}

function requiredOnly(schema: NamedOperation['operation']['query']): Record<string, unknown> {
  const { required = [] } = schema as { required?: readonly string[] };
  const sampled = sampleOf(schema) as Record<string, unknown>;
  return Object.fromEntries(required.map((name) => [name, sampled[name]]));
}

/** The address of a request. */
export function addressOf(path: string, { params, query }: Pick<GoodRequest, 'params' | 'query'>): string {
  const filled = path.replace(/:([A-Za-z]+)/g, (_, name: string) => encodeURIComponent(params[name] as string));
  const asked = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
  return asked === '' ? filled : `${filled}?${asked}`;
}
