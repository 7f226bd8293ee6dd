import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type { Environment } from '@stoa/platform/config';
import { fault } from '@stoa/platform/errors';
import { answerProbes, type ProcessHealth, type Running, run, type ServiceDefinition } from '@stoa/platform/service';
import { createLog, createMetrics, createTraces, serveMetrics } from '@stoa/platform/telemetry';
import { type Admin, firstAdmin } from './admin.ts';
import { openDatabases } from './databases.ts';
import { demoFailed, seedDemo } from './demo/seed.ts';
import { openFleet } from './fleet.ts';
import { services } from './services.ts';
import { readSystemSettings } from './settings.ts';
import { countTrade } from './trade.ts';
import { userDirectory } from './user-directory.ts';

export { openSplit, type SplitOptions, type SplitShop, splitGraceMs } from './split.ts';
export { seedDemo };

/** The names of all services, the gateway first. */
export const serviceNames: readonly string[] = services.map(({ name }) => name);

export interface UpOptions {
  readonly environment: Environment;
  /** Whether an empty shop is filled with demo products. */
  readonly demo: boolean;
  /** Names of the services to host; all unless given. */
  readonly services?: readonly string[];
}

/** The services of this process while they run. */
export interface Shop {
  readonly running: Running;
  /** Where the gateway listens; empty when it is not among them. */
  readonly url: string;
  /** Undefined where the user service runs elsewhere. */
  readonly admin: Admin | undefined;
  readonly metricsUrl: string;
  /** For how long it goes on answering once it is told to stop; a stop takes that longer. */
  readonly graceMs: number;
  stop(deadlineMs?: number): Promise<void>;
}

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/**
 * Starts services in this process, with what they need; returns when they answer.
 *
 * @throws AppError `config.invalid`, whose text is one line for everything that is wrong and what to do
 */
export async function openShop({ environment, demo, services: names = serviceNames }: UpOptions): Promise<Shop> {
  const hosted = definitionsOf(names);
  const isWhole = hosted.length === services.length;
  process.title = isWhole ? 'stoa' : `stoa ${names.join(' ')}`;
  const settings = readSystemSettings(environment);
  const dataDir = resolve(settings.STOA_DATA_DIR);
  for (const { checkSettings } of hosted) checkSettings?.(environment);
  const log = createLog({ level: settings.STOA_LOG_LEVEL });
  const closing: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (let end = closing.pop(); end; end = closing.pop()) {
      await Promise.resolve(end()).catch((error) => log.warn({ err: error }, 'a part could not be closed properly'));
    }
  };
  try {
    // Accounts are kept by the user service; where it runs elsewhere, so is the first of them.
    const admin = names.includes('user') ? await firstAdmin(environment, dataDir) : undefined;
    const databases = openDatabases(environment, { dataDir, embedded: isWhole, log });
    closing.push(() => databases.close());
    const metrics = createMetrics();
    let health: ProcessHealth = starting;
    const scrape = await serveMetrics(metrics, {
      host: settings.STOA_METRICS_HOST,
      port: settings.STOA_METRICS_PORT,
      first: (request, response) => answerProbes(health)(request, response),
    });
    closing.push(() => scrape.close());
    const traces = await createTraces({ environment, version, perSecondMax: settings.STOA_TRACES_PER_SECOND });
    closing.push(() => traces.close());
    const fleet = await openFleet({ environment, settings, hosted: names, isWhole, log, metrics });
    closing.push(() => fleet.close());
    const running = await run(hosted, {
      environment: {
        ...environment,
        STOA_DATA_DIR: dataDir,
        ...(admin && { STOA_ADMIN_EMAIL: admin.email, STOA_ADMIN_PASSWORD: admin.password }),
      },
      log,
      version,
      metrics,
      traces,
      system: services,
      ...fleet.parts,
      connectionsMax: settings.STOA_DATABASE_CONNECTIONS,
      onEvent: countTrade(metrics),
      users: userDirectory,
      databaseUrl: (service) => databases.urlOf(service),
    });
    closing.push(() => running.stop());
    ({ health } = running);
    const url = running.url ?? '';
    if (demo && url !== '' && admin) await seedDemo({ url, admin, log }).catch(demoFailed(log));
    return {
      running,
      url,
      admin,
      metricsUrl: scrape.url,
      graceMs: fleet.parts.fleet?.graceMs ?? 0,
      async stop(deadlineMs) {
        closing.pop();
        await running.stop(deadlineMs);
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const notYet = async () => [{ name: 'process', state: 'down' as const, latencyMs: 0, reason: 'starting' }];
const starting: ProcessHealth = { version, isDraining: () => false, look: notYet, lookAtServices: notYet };

/**
 * The services of these names.
 *
 * @throws AppError `config.invalid` naming those that there are not, or one that is named twice
 */
export function definitionsOf(names: readonly string[]): ServiceDefinition<never>[] {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw fault('config.invalid', `${twice} is named twice: name each service once.`);
  const unknown = names.filter((name) => !serviceNames.includes(name));
  if (unknown.length > 0) {
    throw fault(
      'config.invalid',
      `There is no service called ${unknown.join(', ')}. There are ${serviceNames.join(', ')}.`,
    );
  }
  return services.filter(({ name }) => names.includes(name));
}
