// A program that takes one saga through four steps of its own, for a test that kills it: `node four-steps.ts DATABASE_URL KEY`.
// It exits with 0 when the saga has ended.

import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { contract } from '../../schema/index.ts';
import { defineService, type HostedService, run } from '../../service/index.ts';
import type { Tx } from '../../sql/index.ts';
import { localStep, type SagaView, saga } from '../index.ts';

type Work = SagaView<object, true>;

/** Each step leaves a row with the transaction it was committed in. */
const step = (name: string) =>
  localStep({
    name,
    do: ({ key }: Work, tx: Tx) =>
      tx
        .query(`insert into note (key, what) values ($1, $2 || ' ' || pg_current_xact_id()::text)`, [key, name])
        .then(() => undefined),
  });

const fourSteps = saga<object, true, never>('four steps')
  .step(step('one'))
  .step(step('two'))
  .step(step('three'))
  .step(step('four'))
  .build({ timeoutMs: 60_000, load: async (keys) => new Map(keys.map((key) => [key, true])) });

const worker = defineService<never>({
  name: 'worker',
  contract: contract({ service: 'worker', operations: {}, events: {}, commands: {}, errors: {} }),
  migrations: new URL('../fixtures/migrations/', import.meta.url),
  sagas: [fourSteps],
});

const [databaseUrl, key] = process.argv.slice(2) as [string, string];
const running = await run([worker], {
  environment: {},
  log: pino({ level: 'silent' }),
  version: 'test',
  databaseUrl: async () => databaseUrl,
});
const { db, sagas } = (running.services.get('worker') as HostedService).service;
const statusOf = async () =>
  (await db.query<{ status: string }>('select status from kit.saga where key = $1', [key]))[0]?.status;
if ((await statusOf()) === undefined) {
  await db.transaction(async (tx) => sagas.start(tx, 'four steps', { key, input: {}, cause: { correlationId: key } }));
}
while ((await statusOf()) !== 'completed') await sleep(5);
await running.stop();
