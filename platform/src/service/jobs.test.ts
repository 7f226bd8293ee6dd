import { throws } from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { Database } from '../sql/index.ts';
import type { Job } from './definition.ts';
import { JobRunner, kitJobs } from './jobs.ts';

const log = pino({ level: 'silent' });
const db = new Database({ url: 'postgres://127.0.0.1/never-asked', name: 'jobs' });
const named = (name: string): Job<never> => ({ name, everyMs: 1_000, run: async () => undefined });
const runnerOf = (jobs: readonly Job<never>[]) => new JobRunner(db, jobs, () => undefined as never, log);

test('jobs are named in small letters and hyphens, those of the kit as well', () => {
  runnerOf([...kitJobs, named('forget'), named('rotate-signing-keys')] as Job<never>[]);
});

test('a service whose job is named in another way does not start', () => {
  for (const name of ['tend marks', 'tendMarks', 'tend_marks', 'Tend-marks', '-marks', ''])
    throws(() => runnerOf([named(name)]), /small letters and hyphens/, name);
});
