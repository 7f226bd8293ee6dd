import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { provideServers } from '../../tools/test/provide-servers.ts';
import { findServer, testServers } from '../../tools/test/test-servers.ts';
import { startPostgres } from './postgres.ts';
import type { Bench } from './scenario.ts';

/** What the limit is, beside its figure. */
export const limitNote =
  'The limit: one statement an order in one database (bench/limit), run by pgbench; nothing but the rows that keep the invariants.';

const script = (name: string) => fileURLToPath(new URL(`../limit/${name}`, import.meta.url));

/**
 * Orders a second that the least SQL reaches (bench/limit), run by `pgbench` on a server with the shop's settings; undefined where there is
 * no `pgbench` and it may not be installed.
 *
 * @param clientCounts how many connections place orders at once, one run each
 */
export async function measureLimit(
  bench: Bench,
  clientCounts: readonly number[],
  seconds: number,
): Promise<readonly number[] | undefined> {
  await provideServers(['pgbench']);
  const pgbench = findServer(testServers.pgbench);
  if (pgbench === undefined) return undefined;
  const postgres = await startPostgres(bench);
  const url = await postgres.ensureDatabase('limit');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(await readFile(script('schema.sql'), 'utf8'));
  await client.end();
  const perSecond: number[] = [];
  for (const clients of clientCounts) {
    bench.say(`the limit at ${clients} clients`);
    const options = ['-n', '-M', 'prepared', '-c', String(clients), '-j', '2', '-T', String(seconds)];
    const { stdout } = await promisify(execFile)(pgbench, [...options, '-f', script('place-order.sql'), url]).catch(
      ({ stderr }: { stderr?: string }) => {
        throw new Error(`pgbench failed: ${stderr?.slice(0, 500)}`);
      },
    );
    const tps = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1]);
    if (!(tps > 0)) throw new Error(`pgbench said nothing of use:\n${stdout}`);
    perSecond.push(tps);
  }
  await postgres.stop();
  return perSecond;
}
