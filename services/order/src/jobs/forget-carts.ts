import type { Job } from '@stoa/platform/service';
import type { OrderDeps } from '../deps.ts';
import { deleteOldCarts } from '../store/carts.ts';

const keptDays = 90;
const cartsAtOnce = 1_000;

/** Deletes carts that nobody has touched for ninety days: anybody can make one, and most are left behind. */
export const forgetCarts: Job<OrderDeps> = {
  name: 'forget-carts',
  everyMs: 3_600_000,
  async run({ db }) {
    while ((await deleteOldCarts(db, { days: keptDays, limit: cartsAtOnce })) === cartsAtOnce);
  },
};
