import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { type Environment, readSettings, setting } from '@stoa/platform/config';
import { onSignals } from '@stoa/platform/lifecycle';
import { type Running, run } from '@stoa/platform/service';
import { createLog, createMetrics, createTraces, serveMetrics } from '@stoa/platform/telemetry';
import { type Admin, firstAdmin } from './admin.ts';
import { openDatabases } from './databases.ts';
import { seedDemo } from './demo/seed.ts';
import { services } from './services.ts';
import { countTrade } from './trade.ts';

export { seedDemo };

export interface UpOptions {
  readonly environment: Environment;
  /** Whether an empty shop is filled with demo products. */
  readonly demo: boolean;
}

/** The shop while it runs. */
export interface Shop {
  readonly running: Running;
  readonly url: string;
  readonly admin: Admin;
  readonly metricsUrl: string;
  stop(deadlineMs?: number): Promise<void>;
}

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** Starts every service in this process, with what they need; returns when the shop answers. */
export async function openShop({ environment, demo }: UpOptions): Promise<Shop> {
  const settings = readSettings(environment, {
    STOA_DATA_DIR: setting.text({ default: './.stoa', describe: 'Embedded database, keys, mail' }),
    STOA_LOG_LEVEL: setting.choice(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
      default: 'info',
      describe: 'Least important lines that are logged',
    }),
    STOA_METRICS_PORT: setting.integer({
      default: 9464,
      min: 0,
      max: 65_535,
      describe: 'Port of /metrics, on loopback',
    }),
    STOA_TRACES_PER_SECOND: setting.integer({
      default: 10,
      min: 0,
      max: 100_000,
      describe: 'Requests a second that are traced',
    }),
  });
  const dataDir = resolve(settings.STOA_DATA_DIR);
  const log = createLog({ level: settings.STOA_LOG_LEVEL });
  const admin = await firstAdmin(environment, dataDir);
  const databases = openDatabases(environment, dataDir, log);
  const metrics = createMetrics();
  const traces = await createTraces({ environment, version, perSecondMax: settings.STOA_TRACES_PER_SECOND });
  const scrape = await serveMetrics(metrics, { port: settings.STOA_METRICS_PORT });
  const closeTraces = () =>
    traces.close().catch((error) => log.warn({ err: error }, 'the last spans could not be sent'));
  try {
    const running = await run(services, {
      environment: {
        ...environment,
        STOA_DATA_DIR: dataDir,
        STOA_ADMIN_EMAIL: admin.email,
        STOA_ADMIN_PASSWORD: admin.password,
      },
      log,
      version,
      metrics,
      traces,
      onEvent: countTrade(metrics),
      databaseUrl: (service) => databases.urlOf(service),
    });
    const url = running.url ?? '';
    if (demo) await seedDemo({ url, admin, log });
    return {
      running,
      url,
      admin,
      metricsUrl: scrape.url,
      async stop(deadlineMs) {
        await running.stop(deadlineMs);
        await closeTraces();
        await scrape.close();
        await databases.close();
      },
    };
  } catch (error) {
    await closeTraces();
    await scrape.close();
    await databases.close();
    throw error;
  }
}

/** `stoa up`: runs the shop until it is told to stop. */
export async function up(options: UpOptions): Promise<void> {
  process.title = 'stoa';
  const shop = await openShop(options);
  onSignals((deadlineMs) => shop.stop(deadlineMs));
  process.stdout.write(welcome(shop));
}

function welcome({ url, metricsUrl, admin }: Shop): string {
  const password = admin.isNew
    ? `password ${admin.password}, kept in ${admin.file}`
    : admin.file && `password in ${admin.file}`;
  const lines = [
    '',
    `  Stoa is open at ${url}`,
    '',
    `    products   ${url}/api/v1/products`,
    `    the API    ${url}/docs`,
    `    health     ${url}/health`,
    `    metrics    ${metricsUrl}`,
    `    admin      ${admin.email}${password ? `   ${password}` : ''}`,
    '',
    '  A first order is in README.md. Ctrl-C stops the shop; what has been ordered is kept.',
    '',
  ];
  return `${lines.join('\n')}\n`;
}
