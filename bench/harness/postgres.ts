import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@stoa/platform/embedded';
import type { Bench } from './scenario.ts';

/** A PostgreSQL of its own with the shop's own settings: durable as PostgreSQL ships it. Stopped after the scenario. */
export async function startPostgres(bench: Bench): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir: join(bench.dir, 'postgres-of-the-bench') });
  bench.defer(() => postgres.stop());
  return postgres;
}
