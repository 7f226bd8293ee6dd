import type { Surroundings } from '../command.ts';
import { connect, type Shop } from './shop.ts';

/** Speaks with the shop for as long as the work lasts. */
export async function withShop<T>({ environment }: Surroundings, work: (shop: Shop) => Promise<T>): Promise<T> {
  const shop = await connect({ environment });
  try {
    return await work(shop);
  } finally {
    await shop.close();
  }
}
