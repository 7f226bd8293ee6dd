import { readFile } from 'node:fs/promises';
import type { OrderStatus } from '@stoa/contracts/order';
import { isId } from '@stoa/platform/ids';
import { cliError } from '../cli-error.ts';
import type { Findings } from './findings.ts';

/** Orders that clients were told of. */
export interface Acknowledged {
  readonly ids: ReadonlySet<string>;
  /** Whether it names every order of the shop, so that any other was placed by nobody. */
  readonly complete: boolean;
}

/**
 * Reads ids, one a line; empty lines and what follows `#` mean nothing.
 *
 * @throws CliError `usage` for a line that is no id: no order could have it, and it would be taken for one that is lost
 */
export async function readAcknowledged(path: string, complete: boolean): Promise<Acknowledged> {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw cliError('not-found', `There is no file ${path} that can be read.`, { cause: error });
  });
  const ids = new Set<string>();
  for (const [index, line] of text.split('\n').entries()) {
    const word = line.replace(/#.*/, '').trim();
    if (word === '') continue;
    if (!isId(word))
      throw cliError(
        'usage',
        `${path}, line ${index + 1}: ${JSON.stringify(word.slice(0, 80))} is not the id of an order.`,
      );
    ids.add(word);
  }
  return { ids, complete };
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
