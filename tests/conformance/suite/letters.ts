import type { OpsDeadLetter } from '@stoa/contracts/gateway';
import { type TestShop, until } from '../../shop.ts';

/** The letters that lie at analytics. */
export async function lettersOf(shop: TestShop): Promise<readonly OpsDeadLetter[]> {
  const { items } = await shop.expectAdmin<{ items: OpsDeadLetter[] }>(
    200,
    'GET',
    '/api/v1/ops/dead-letters?service=analytics&limit=100',
  );
  return items;
}

/** Waits until so many lie there. */
export function lettersWhen(shop: TestShop, count: number): Promise<readonly OpsDeadLetter[]> {
  return until(
    () => lettersOf(shop),
    (letters) => letters.length === count,
  );
}

/** Customers and orders that analytics has counted so far. */
export async function countedBy(shop: TestShop): Promise<{ newCustomers: number; orders: number; cancelled: number }> {
  const { newCustomers, orders, cancelled } = await shop.expectAdmin<{
    newCustomers: number;
    orders: number;
    cancelled: number;
  }>(200, 'GET', '/api/v1/analytics/summary?currency=EUR');
  return { newCustomers, orders, cancelled };
}
