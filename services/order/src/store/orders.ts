import { EventStore, type NewEvent } from '@stoa/platform/eventstore';
import { insertText, type Sql, type Tx, type Writer, writer } from '@stoa/platform/sql';
import { evolve, type OrderEvent, type OrderState } from '../domain/order.ts';

/** The streams of orders. */
export const orderStreams = new EventStore<OrderEvent>();

interface OrderRow {
  readonly id: string;
  readonly number: string;
  readonly status: string;
  readonly user_id: string | null;
  readonly contact_id: string;
  readonly external_id: string | null;
  readonly placed_at: string;
  readonly version: number;
  readonly state: OrderState;
  readonly created_at: string;
}

const insert = insertText('orders', {
  id: 'uuid',
  number: 'text',
  status: 'text',
  user_id: 'uuid',
  contact_id: 'uuid',
  external_id: 'text',
  placed_at: 'timestamptz',
  version: 'int',
  state: 'json',
  created_at: 'timestamptz',
});

const newOrders: Writer<OrderRow> = writer('new orders', 20, (tx, rows) => tx.query(insert, [JSON.stringify(rows)]));

const changedOrders: Writer<OrderState> = writer('changed orders', 21, (tx, states) => {
  // An order that changed several times in one transaction is written as it is at the end.
  const last = new Map(states.map((state) => [state.id, state]));
  return tx.query(
    `update orders o set status = r.status, version = r.version, state = r.state, updated_at = clock_timestamp()
    from json_to_recordset($1::json) as r(id uuid, status text, version int, state json) where o.id = r.id`,
    [
      JSON.stringify(
        [...last.values()].map((state) => ({ id: state.id, status: state.status, version: state.version, state })),
      ),
    ],
  );
});

function rowOf(state: OrderState, createdAt: string): OrderRow {
  return {
    created_at: createdAt,
    id: state.id,
    number: state.number,
    status: state.status,
    user_id: state.userId,
    contact_id: state.contactId,
    external_id: state.externalId,
    placed_at: state.placedAt,
    version: state.version,
    state,
  };
}

/** Records the beginning of an order: its stream and its projection. */
export function recordPlaced(
  tx: Tx,
  id: string,
  placed: Extract<OrderEvent, { type: 'order-placed' }>,
  origin: { actor: string; at: string },
  createdAt: string,
): OrderState {
  const state = orderStreams
    .append(tx, id, 0, [placed], origin)
    .reduce<OrderState | undefined>(evolve, undefined) as OrderState;
  tx.defer(newOrders, rowOf(state, createdAt));
  return state;
}

/** An order being changed in one transaction: each event moves its state, its stream and its projection together. */
export class OpenOrder {
  #state: OrderState;

  constructor(state: OrderState) {
    this.#state = state;
  }

  get state(): OrderState {
    return this.#state;
  }

  /** Records what happened. */
  record(tx: Tx, events: readonly NewEvent<OrderEvent>[], origin: { actor: string; at: string }): OrderState {
    const recorded = orderStreams.append(tx, this.#state.id, this.#state.version, events, origin);
    this.#state = recorded.reduce<OrderState>(evolve, this.#state);
    tx.defer(changedOrders, this.#state);
    return this.#state;
  }
}

/** Locks orders, in the order of their ids. */
export async function openOrders(tx: Tx, ids: readonly string[]): Promise<Map<string, OpenOrder>> {
  const rows = await tx.query<{ id: string; state: OrderState }>(
    'select id, state from orders where id = any($1::uuid[]) order by id for update',
    [ids],
  );
  return new Map(rows.map((row) => [row.id, new OpenOrder(row.state)]));
}

/** An order as somebody may see it: its state and, while not erased, whom it is for. */
export interface OrderRecord {
  readonly id: string;
  readonly state: OrderState;
  readonly created_at: string;
  readonly email: string | null;
  readonly shipping_address: object | null;
}

const record = `select o.id, o.state, o.created_at, c.email, c.shipping_address from orders o join contact c on c.id = o.contact_id`;

export async function readOrders(sql: Sql, ids: readonly string[]): Promise<OrderRecord[]> {
  return sql.query(`${record} where o.id = any($1::uuid[])`, [ids]);
}

export interface OrderFilter {
  readonly userId: string | null;
  readonly status: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly externalId: string | null;
  readonly beforeId: string | null;
  readonly limit: number;
}

/** Orders, newest first. Pages go by id, which sorts by time of arrival. */
export async function listOrders(sql: Sql, filter: OrderFilter): Promise<OrderRecord[]> {
  const { userId, status, from, to, externalId, beforeId, limit } = filter;
  const values: unknown[] = [];
  const where = [
    [userId, 'o.user_id = $'],
    [status, 'o.status = $'],
    [from, 'o.placed_at >= $'],
    [to, 'o.placed_at < $'],
    [externalId, 'o.external_id = $'],
    [beforeId, 'o.id < $'],
  ].flatMap(([value, condition]) => {
    if (value === null) return [];
    values.push(value);
    return [`${condition}${values.length}`];
  });
  values.push(limit);
  return sql.query(
    `${record} ${where.length ? `where ${where.join(' and ')}` : ''} order by o.id desc limit $${values.length}`,
    values,
  );
}
