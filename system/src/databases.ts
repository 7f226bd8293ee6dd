import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '@stoa/platform/config';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@stoa/platform/embedded';
import { fault } from '@stoa/platform/errors';
import { databaseSetting } from '@stoa/platform/service';
import type { Logger } from '@stoa/platform/telemetry';

/** Where the services' databases are. */
export interface Databases {
  urlOf(service: string): Promise<string>;
  close(): Promise<void>;
}

const watchEveryMs = 250;
const tryAgainMs = 2_000;

/**
 * The databases that the environment names, and for the other services the embedded server in the data directory, which is started when the first of them
 * asks, unless `embedded` is off. If that server dies while the shop runs, it is started again.
 */
export function openDatabases(
  environment: Environment,
  { dataDir, embedded, log }: { dataDir: string; embedded: boolean; log: Logger },
): Databases {
  let starting: Promise<EmbeddedPostgres> | undefined;
  const closing = new AbortController();
  let watching: Promise<void> | undefined;

  async function start(port?: number): Promise<EmbeddedPostgres> {
    const settings = environment.STOA_TEST_MODE === '1' ? { log_min_messages: 'warning' } : {};
    return startEmbeddedPostgres({ dataDir, settings, ...(port && { port }), log: (line) => log.info(line) });
  }

  async function watch(): Promise<void> {
    while (!closing.signal.aborted) {
      await sleep(watchEveryMs, undefined, { signal: closing.signal }).catch(() => undefined);
      const server = await starting;
      if (closing.signal.aborted || !server || isAlive(server.pid)) continue;
      log.warn({ pid: server.pid }, 'the embedded PostgreSQL has died; starting it again');
      const again = start(server.port);
      await again.then(
        () => {
          starting = again;
        },
        async (error) => {
          log.error({ err: error }, 'the embedded PostgreSQL could not be started again');
          await sleep(tryAgainMs, undefined, { signal: closing.signal }).catch(() => undefined);
        },
      );
    }
  }

  return {
    async urlOf(service) {
      const named = environment[databaseSetting(service)];
      if (named) return checked(service, named);
      if (!embedded) {
        throw fault(
          'config.invalid',
          `${databaseSetting(service)} is missing: a process that hosts a part of the shop is told its database. \`stoa up --split\` does that by itself.`,
        );
      }
      starting ??= start();
      const server = await starting;
      watching ??= watch();
      return server.ensureDatabase(service);
    },
    async close() {
      closing.abort();
      await watching;
      // What could not be started was told to whoever asked for it.
      const server = await starting?.catch(() => undefined);
      await server?.leave();
    },
  };
}

function checked(service: string, url: string): string {
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return url;
  throw fault(
    'config.invalid',
    `${databaseSetting(service)} has to be a URL like postgres://user:password@host:5432/database.`,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
