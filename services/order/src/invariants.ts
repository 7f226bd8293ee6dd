import { isDeepStrictEqual } from 'node:util';
import type { InvariantCheck } from '@stoa/platform/service';
import type { OrderService } from './deps.ts';
import { evolve, type OrderState } from './domain/order.ts';
import { orderStreams } from './store/orders.ts';

const witnessesMax = 10;

/** What the order service can see of its promises: streams without a gap that fold to what is shown (I9), and orders that end (I5). */
export async function orderInvariants(service: OrderService): Promise<InvariantCheck[]> {
  return [await streamsFoldToOrders(service), await ordersEnd(service)];
}

async function streamsFoldToOrders({ db }: OrderService): Promise<InvariantCheck> {
  const witnesses: string[] = [];
  let checked = 0;
  for await (const streams of orderStreams.readAll(db)) {
    const ids = streams.map((stream) => stream[0]?.stream as string);
    const rows = await db.query<{ id: string; state: OrderState }>(
      'select id, state from orders where id = any($1::uuid[])',
      [ids],
    );
    const shown = new Map(rows.map((row) => [row.id, row.state]));
    for (const stream of streams) {
      checked++;
      const id = stream[0]?.stream as string;
      const gap = stream.findIndex((event, at) => event.version !== at + 1);
      if (gap >= 0) witnesses.push(`the stream of order ${id} has no version ${gap + 1}`);
      // An order that moves while it is looked at is one event ahead or behind: only equal versions can be compared.
      else if (shown.get(id)?.version === stream.length && !isDeepStrictEqual(replay(stream), shown.get(id))) {
        witnesses.push(`order ${id} is not what its stream folds to`);
      } else if (!shown.has(id)) witnesses.push(`the stream ${id} has no order`);
    }
  }
  const [orphans] = await db.query<{ count: number }>(
    'select count(*) as count from orders o where not exists (select from kit.event e where e.stream = o.id)',
    [],
  );
  if (orphans && orphans.count > 0) witnesses.push(`${orphans.count} orders have no stream`);
  return checkOf('I9', checked, witnesses);
}

/** JSON and back, as the projection has been: what a replay gives must be what was kept. */
function replay(stream: Parameters<typeof evolve>[1][]): unknown {
  return JSON.parse(JSON.stringify(stream.reduce<OrderState | undefined>(evolve, undefined)));
}

async function ordersEnd({ db }: OrderService): Promise<InvariantCheck> {
  const rows = await db.query<{ id: string; status: string; live: boolean }>(
    `select o.id, o.status, s.id is not null as live from orders o
    left join kit.saga s on s.definition = 'check-out' and s.key = o.id::text and s.status in ('running', 'compensating', 'stuck')
    where o.status = 'pending'`,
    [],
  );
  const [all] = await db.query<{ count: number }>('select count(*) as count from orders', []);
  const stranded = rows.filter((row) => !row.live).map((row) => `order ${row.id} is pending and nothing moves it`);
  return checkOf('I5', all?.count ?? 0, stranded);
}

function checkOf(name: string, checked: number, witnesses: readonly string[]): InvariantCheck {
  return {
    name,
    held: witnesses.length === 0,
    checked,
    violations: witnesses.slice(0, witnessesMax).map((witness) => ({ witness })),
  };
}
