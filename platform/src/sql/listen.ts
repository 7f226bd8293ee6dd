import pg from 'pg';
import { keepAliveAfterMs } from './pool.ts';

/** What is being listened to. */
export interface Listening {
  stop(): Promise<void>;
}

const connectAgainMs = 1_000;
/** How often hearing is put to the test: silence alone does not tell a lost connection from a quiet shop. */
const testMs = 5_000;

/**
 * Hears `notify channel`, on a connection of its own that is opened again when it breaks. For waking up: what is told meanwhile is lost, and behind a
 * pooler in transaction mode nothing is heard at all. Also called after each connecting, because something may have been missed.
 */
export function listen(url: string, channel: string, hear: () => void): Listening {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function connect(): Promise<void> {
    const own = new pg.Client({
      connectionString: url,
      application_name: `stoa listen ${channel}`,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveAfterMs,
      connectionTimeoutMillis: testMs,
      // A pipelined statement that is not answered in time ends the connection.
      query_timeout: testMs,
      pipeline: true,
    } as pg.ClientConfig);
    client = own;
    own.on('notification', hear);
    own.on('error', () => undefined);
    own.once('end', again);
    try {
      await own.connect();
      await own.query(`listen ${pg.escapeIdentifier(channel)}`);
      const test = setInterval(() => own.query('select 1').catch(() => undefined), testMs).unref();
      own.once('end', () => clearInterval(test));
      hear();
    } catch {
      await own.end().catch(() => undefined);
      again();
    }
  }

  function again(): void {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => void connect(), connectAgainMs);
  }

  void connect();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
