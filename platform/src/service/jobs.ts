import type { Logger } from 'pino';
import { assert } from '../errors/index.ts';
import { forgetOldKeys } from '../idempotency/index.ts';
import { tendMarks } from '../inbox/index.ts';
import { Lease } from '../outbox/index.ts';
import type { Database } from '../sql/index.ts';
import type { Job, Service } from './definition.ts';

const hourMs = 3_600_000;
/** `rotate-signing-keys`: jobs are looked for in logs by their names, so all have one form. */
const nameForm = /^[a-z]+(-[a-z]+)*$/;

/** What the kit itself does at intervals in every database. */
export const kitJobs: readonly Job[] = [
  { name: 'tend-marks', everyMs: 6 * hourMs, run: (service) => tendMarks(service.db) },
  { name: 'forget-old-keys', everyMs: hourMs, run: (service) => forgetOldKeys(service.db) },
];

/** Runs jobs at their intervals while this process is the one of its database that does. */
export class JobRunner {
  readonly #jobs: readonly Job<never>[];
  readonly #service: () => Service<never>;
  readonly #log: Logger;
  #stopped = false;
  readonly #lease: Lease;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #running = new Map<string, Promise<void>>();

  constructor(db: Database, jobs: readonly Job<never>[], service: () => Service<never>, log: Logger) {
    for (const { name } of jobs)
      assert(nameForm.test(name), `a job is named in small letters and hyphens, not "${name}"`);
    this.#jobs = jobs;
    this.#service = service;
    this.#log = log;
    this.#lease = new Lease(db, 'jobs', () => this.#runAll());
  }

  start(): void {
    this.#lease.start();
    for (const job of this.#jobs) this.#timers.push(setInterval(() => this.#run(job), job.everyMs));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#running.values());
    await this.#lease.stop();
  }

  #runAll(): void {
    for (const job of this.#jobs) this.#run(job);
  }

  #run(job: Job<never>): void {
    // A process that stood still for longer than the lease takes it again, maybe while its last run is not over.
    if (this.#stopped || !this.#lease.held || this.#running.has(job.name)) return;
    const running = job
      .run(this.#service())
      .catch((error) => this.#log.error({ job: job.name, err: error }, 'a job failed and will run again at its time'))
      .finally(() => this.#running.delete(job.name));
    this.#running.set(job.name, running);
  }
}
