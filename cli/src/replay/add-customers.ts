import { createHash } from 'node:crypto';
import { userContract } from '@stoa/contracts/user';
import { cliError } from '../cli-error.ts';
import { ShopError } from '../shop/shop-error.ts';
import { eachOf } from './each-of.ts';
import { missingOrders, type ReplayRun } from './replay-run.ts';

const { createUser, listUsers } = userContract.operations;

/** Makes the customers of the orders that are still to be placed; answers their ids by what the file calls them. */
export async function addCustomers(run: ReplayRun): Promise<ReadonlyMap<string, string>> {
  const customers = new Set<string>();
  for (const order of missingOrders(run)) {
    const { customer } = run.plan.order(order);
    if (customer !== undefined) customers.add(customer);
  }
  const ids = new Map<string, string>();
  run.progress.expect(customers.size);
  await eachOf(customers, run.atOnce, async (customer) => {
    ids.set(customer, await customerId(run, customer));
    run.progress.advance();
  });
  return ids;
}

async function customerId({ shop }: ReplayRun, externalId: string): Promise<string> {
  const body = { email: emailOf(externalId), name: `Customer ${externalId}`, externalId };
  try {
    return (await shop.call(createUser, { body })).id;
  } catch (error) {
    if (!(error instanceof ShopError) || error.status !== 409) throw error;
    const { items } = await shop.call(listUsers, { query: { externalId } });
    const [user] = items;
    if (!user)
      throw cliError('conflict', `Customer ${externalId} cannot be made: ${error.message} (${error.code})`, {
        cause: error,
      });
    return user.id;
  }
}

/** An address that no mail ever reaches (RFC 2606). */
function emailOf(externalId: string): string {
  const plain = /^[A-Za-z0-9_-]{1,40}$/.test(externalId);
  const name = plain ? externalId.toLowerCase() : createHash('sha256').update(externalId).digest('hex').slice(0, 32);
  return `customer-${name}@replay.invalid`;
}
