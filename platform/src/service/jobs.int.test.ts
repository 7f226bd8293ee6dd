import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { Database, migrate, readMigrations } from '../sql/index.ts';
import { testDatabase } from '../testing/index.ts';
import type { Job } from './definition.ts';
import { JobRunner } from './jobs.ts';

test('a job that takes longer than its interval does not run twice at once', async () => {
  const server = await testDatabase('jobs');
  const db = new Database({ url: server.url, name: 'jobs' });
  await migrate(db, 'kit', await readMigrations(new URL('../../migrations/', import.meta.url)));
  let [begun, ticks] = [0, 0];
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const { promise: enough, resolve: haveEnough } = Promise.withResolvers<void>();
  const slow: Job<never> = {
    name: 'slow',
    everyMs: 5,
    run: () => {
      begun++;
      return over;
    },
  };
  const quick: Job<never> = {
    name: 'quick',
    everyMs: 5,
    run: async () => {
      if (begun > 0 && ++ticks === 10) haveEnough();
    },
  };
  const jobs = new JobRunner(db, [slow, quick], () => undefined as never, pino({ level: 'silent' }));
  jobs.start();
  await enough;
  const begunMeanwhile = begun;
  end();
  await jobs.stop();
  await db.close();
  await server.drop();
  equal(begunMeanwhile, 1);
});

test('no job begins once it is being stopped, also when it is its turn only then', async () => {
  const server = await testDatabase('jobs_stopped');
  const db = new Database({ url: server.url, name: 'jobs' });
  await migrate(db, 'kit', await readMigrations(new URL('../../migrations/', import.meta.url)));
  let begun = 0;
  const job: Job<never> = { name: 'job', everyMs: 60_000, run: async () => void begun++ };
  const jobs = new JobRunner(db, [job], () => undefined as never, pino({ level: 'silent' }));
  jobs.start();
  // It asks by then whether it is its turn.
  await new Promise((resolve) => setTimeout(resolve, 0));
  await jobs.stop();
  await db.close();
  await server.drop();
  equal(begun, 0);
});
