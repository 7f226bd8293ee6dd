import { format as moneyText } from '@stoa/platform/money';
import { type Command, Option } from 'commander';
import {
  describe,
  idFrom,
  type JsonOption,
  positiveInteger,
  printJson,
  printTable,
  type Surroundings,
} from '../command.ts';

interface OrdersOptions extends JsonOption {
  readonly status?: 'pending' | 'confirmed' | 'shipped' | 'delivered' | 'rejected' | 'cancelled';
  readonly externalId?: string;
  readonly limit: number;
}

const statuses = ['pending', 'confirmed', 'shipped', 'delivered', 'rejected', 'cancelled'];

/** `stoa orders [ID]` */
export function addOrders(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('orders')
    .argument('[id]', 'one order, with everything that happened to it', idFrom('orders'))
    .summary('list orders, or show one')
    .description('Lists orders, newest first, or shows one with its history.')
    .addOption(new Option('--status <status>', 'only orders in this status').choices(statuses))
    .option('--external-id <id>', 'only the order with this externalId')
    .option('--limit <n>', 'how many', positiveInteger, 20);
  describe(command, [
    'orders --status pending',
    'orders --external-id 536365 --json',
    'orders 019345f2-7a10-7bcc-9d5e-0a4d1f6c2b11',
  ]);
  command.action((id: string | undefined, options: OrdersOptions) =>
    id ? showOrder(id, options, surroundings) : listOrders(options, surroundings),
  );
}

async function listOrders(options: OrdersOptions, surroundings: Surroundings): Promise<void> {
  const { orderContract } = await import('@stoa/contracts/order');
  const { withShop } = await import('../shop/with-shop.ts');
  const { status, externalId, limit } = options;
  const query = { limit: Math.min(limit, 100), ...(status && { status }), ...(externalId && { externalId }) };
  const { take } = await import('../shop/take.ts');
  const orders = await withShop(surroundings, (shop) =>
    take(shop.list(orderContract.operations.listOrders, { query }), limit),
  );
  if (options.json) return printJson(surroundings, { items: orders });
  const rows = orders.map(({ id, number, status, totals, payment, placedAt }) => [
    id,
    number,
    status,
    moneyText(totals.total),
    payment.status,
    placedAt,
  ]);
  printTable(surroundings, ['id', 'number', 'status', 'total', 'payment', 'placed'], rows);
}

async function showOrder(id: string, options: OrdersOptions, surroundings: Surroundings): Promise<void> {
  const { orderContract } = await import('@stoa/contracts/order');
  const { withShop } = await import('../shop/with-shop.ts');
  const { getOrder, listOrderEvents } = orderContract.operations;
  const { order, events } = await withShop(surroundings, async (shop) => ({
    order: await shop.call(getOrder, { params: { id } }),
    events: await shop.call(listOrderEvents, { params: { id } }),
  }));
  if (options.json) return printJson(surroundings, { ...order, events });
  const { write } = surroundings;
  write(
    `${order.number}  ${order.status}  ${moneyText(order.totals.total)}  payment ${order.payment.status}  placed ${order.placedAt}\n`,
  );
  if (order.failure) write(`${order.failure.code}: ${order.failure.detail}\n`);
  const items = order.items.map(({ sku, title, quantity, unitPrice, lineTotal }) => [
    sku,
    title,
    String(quantity),
    moneyText(unitPrice),
    moneyText(lineTotal),
  ]);
  write('\n');
  printTable(surroundings, ['sku', 'title', 'quantity', 'price', 'in all'], items);
  write('\n');
  printTable(
    surroundings,
    ['', 'event', 'at', 'by'],
    events.map(({ version, type, at, actor }) => [String(version), type, at, actor]),
  );
}
