import { orderContract } from '@stoa/contracts/order';
import { cliError } from '../cli-error.ts';
import type { Shop } from '../shop/shop.ts';
import { ShopError } from '../shop/shop-error.ts';
import type { Databases } from './databases.ts';

const { getOrder, listOrders } = orderContract.operations;

/**
 * Whether the databases are those of the shop that answers: an embedded server may be left from another one, and its books agree with each other too.
 *
 * @throws CliError `usage` when they are not
 */
export async function assertSameShop(shop: Shop, databases: Databases): Promise<void> {
  const first = await shop.list(listOrders, { query: { limit: 1 } }).next();
  await databases.refresh();
  const [newest] = await databases.of.order.query<{ id: string }>('select id from orders order by id desc limit 1');
  const isSame = newest ? await hasOrder(shop, newest.id) : first.done === true;
  if (isSame) return;
  throw cliError(
    'usage',
    `The databases are not those of the shop at ${shop.url.origin}, which has other orders. Name its own (STOA_<SERVICE>_DATABASE_URL), or look by the public API only (--no-databases).`,
  );
}

async function hasOrder(shop: Shop, id: string): Promise<boolean> {
  try {
    await shop.call(getOrder, { params: { id } });
    return true;
  } catch (error) {
    if (error instanceof ShopError && error.status === 404) return false;
    throw error;
  }
}
