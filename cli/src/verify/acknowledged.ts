import { readFile } from 'node:fs/promises';
import type { OrderStatus } from '@stoa/contracts/order';
import { cliError } from '../cli-error.ts';
import type { Findings } from './findings.ts';

/** Orders that clients were told of. */
export interface Acknowledged {
  readonly ids: ReadonlySet<string>;
  /** Whether it names every order of the shop, so that any other was placed by nobody. */
  readonly complete: boolean;
}

/** Reads ids, one a line; empty lines and what follows `#` mean nothing. */
export async function readAcknowledged(path: string, complete: boolean): Promise<Acknowledged> {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw cliError('not-found', `There is no file ${path} that can be read.`, { cause: error });
  });
  const ids = text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
  return { ids: new Set(ids), complete };
}

/** I5: every order that a client was told of is there and has ended; with a complete list, no other is there. */
export function checkAcknowledged(
  orders: ReadonlyMap<string, { readonly status: OrderStatus; readonly live: boolean }>,
  { ids, complete }: Acknowledged,
  findings: Findings,
): void {
  for (const id of ids) {
    const order = orders.get(id);
    findings.expect('I5', order !== undefined && order.status !== 'pending', `order ${id}`, () =>
      order ? 'it was acknowledged and is still pending' : 'it was acknowledged and is lost',
    );
  }
  if (!complete) return;
  for (const id of orders.keys())
    findings.expect('I5', ids.has(id), `order ${id}`, () => 'it is there, and nobody was told of it');
}
