import {
  anyone,
  contract,
  IdText,
  Instant,
  internal,
  Line,
  nullable,
  oneOf,
  operation,
  page,
  pageQuery,
  type Static,
  staff,
  strict,
  Type,
} from '@stoa/platform/schema';
import { inventoryCommands, inventoryEvents } from './inventory-messages.ts';
import { Sku } from './product.ts';

/** A place where goods lie: lower-case letters, digits and hyphens. `main` is there from the start; naming another makes it. */
export const LocationId = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,39}$', description: 'main unless given' });

const count = Type.Integer({ minimum: 0 });

/** Units by what has become of them. `onHand = available + reserved` and `received + returned + adjusted − sold − damaged = onHand`, always. */
const counts = {
  available: count,
  onHand: count,
  reserved: count,
  received: count,
  returned: count,
  /** The sum of corrections, up and down. */
  adjusted: Type.Integer(),
  sold: count,
  damaged: count,
};

/** What staff see of a SKU: its counts over all locations, and each location's own. */
export const Stock = strict({
  sku: Type.String(),
  ...counts,
  /** At or below this many available units the SKU is listed as low. */
  lowStockThreshold: count,
  locations: Type.Array(strict({ locationId: LocationId, ...counts })),
  version: Type.Integer(),
});
export type Stock = Static<typeof Stock>;

/** What everybody sees of a SKU. */
export const Availability = strict({ sku: Type.String(), available: count });
export type Availability = Static<typeof Availability>;

/** What an adjustment does: goods came in, came back, were lost or broken, or a count was corrected. */
export const AdjustmentKind = oneOf(['received', 'adjusted', 'damaged', 'returned']);
export type AdjustmentKind = Static<typeof AdjustmentKind>;

/** One line of the ledger. The quantity is added to the column its kind names: a sale that was cancelled is `sold` with a negative quantity. */
export const Movement = strict({
  id: IdText,
  sku: Type.String(),
  kind: oneOf(['received', 'adjusted', 'damaged', 'returned', 'sold']),
  quantity: Type.Integer(),
  reason: nullable(Type.String()),
  /** `user …`, `key …` or `service …`. */
  actor: Type.String(),
  orderId: nullable(IdText),
  locationId: LocationId,
  at: Instant,
});
export type Movement = Static<typeof Movement>;

const quantityMax = 1_000_000;

export const AdjustmentInput = strict({
  kind: AdjustmentKind,
  /** At least 1; a correction (`adjusted`) may be negative, but not 0. */
  quantity: Type.Integer({ minimum: -quantityMax, maximum: quantityMax }),
  reason: Line(500),
  locationId: Type.Optional(LocationId),
});
export type AdjustmentInput = Static<typeof AdjustmentInput>;

const skusMax = 200;
const operations = {
  listStock: operation({
    method: 'GET',
    path: '/api/v1/inventory',
    summary: 'List stock by SKU',
    access: staff('support', 'merchandiser', 'operator'),
    query: { ...pageQuery, lowStock: Type.Optional(Type.Boolean()) },
    answer: page(Stock),
  }),
  getStock: operation({
    method: 'GET',
    path: '/api/v1/inventory/:sku',
    summary: 'Get the stock of a SKU: what is available; for staff, every count',
    access: anyone,
    params: { sku: Sku },
    answer: Type.Union([Availability, Stock]),
    errors: ['inventory.not-found'],
  }),
  changeStockSettings: operation({
    method: 'PATCH',
    path: '/api/v1/inventory/:sku',
    summary: 'Set how many available units of a SKU are few',
    access: staff('merchandiser'),
    params: { sku: Sku },
    body: strict({ lowStockThreshold: Type.Integer({ minimum: 0, maximum: quantityMax }) }),
    answer: Stock,
    errors: ['inventory.not-found'],
  }),
  listMovements: operation({
    method: 'GET',
    path: '/api/v1/inventory/:sku/ledger',
    summary: 'List every movement of a SKU, the latest first',
    access: staff('support', 'merchandiser', 'operator'),
    params: { sku: Sku },
    query: pageQuery,
    answer: page(Movement),
    errors: ['inventory.not-found'],
  }),
  adjustStock: operation({
    method: 'POST',
    path: '/api/v1/inventory/:sku/adjustments',
    summary: 'Receive, take back, write off or correct stock',
    access: staff('merchandiser'),
    params: { sku: Sku },
    body: AdjustmentInput,
    answer: strict({ ...Movement.properties, stock: Stock }),
    statuses: [201],
    errors: ['inventory.insufficient'],
    idempotency: 'required',
  }),
  getHolds: operation({
    method: 'POST',
    path: '/internal/inventory/holds',
    summary: 'What orders hold and have bought, in units; zero for orders nobody reserved for',
    access: internal,
    body: strict({ orderIds: Type.Array(IdText, { maxItems: 500 }) }),
    answer: Type.Array(strict({ orderId: IdText, held: count, sold: count })),
    repeatable: true,
  }),
  getAvailability: operation({
    method: 'GET',
    path: '/internal/inventory/availability',
    summary: 'How much of each SKU is available; SKUs never stocked are left out',
    access: internal,
    query: { skus: Type.Array(Type.String({ maxLength: 200 }), { maxItems: skusMax }) },
    answer: Type.Array(Availability),
    // A cart can be looked at without what is in stock; it says that it is.
    fallback: { value: [] },
  }),
};

/** Stock: how much there is of each SKU, what of it is promised to orders, and how it came to be so. */
export const inventoryContract = contract({
  service: 'inventory',
  operations,
  events: inventoryEvents,
  commands: inventoryCommands,
  errors: {
    'inventory.not-found': { status: 404, title: 'There is no stock of this SKU' },
    'inventory.insufficient': { status: 409, title: 'Less would be left than is reserved' },
    'inventory.not-reserved': { status: 409, title: 'The order holds no stock' },
    'inventory.not-sold': { status: 409, title: 'More would come back than the order has bought' },
    'inventory.not-undoable': { status: 409, title: 'A sale is taken back by restocking' },
  },
});
