import pg from 'pg';

/** What is being listened to. */
export interface Listening {
  stop(): Promise<void>;
}

const connectAgainMs = 1_000;

/**
 * Hears `notify channel`, on a connection of its own that is opened again when it breaks. For waking up: what is told meanwhile is lost, and behind a
 * pooler in transaction mode nothing is heard at all. Also called after each connecting, because something may have been missed.
 */
export function listen(url: string, channel: string, hear: () => void): Listening {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function connect(): Promise<void> {
    const own = new pg.Client({ connectionString: url, application_name: `stoa listen ${channel}`, keepAlive: true });
    client = own;
    own.on('notification', hear);
    own.on('error', () => undefined);
    own.once('end', again);
    try {
      await own.connect();
      await own.query(`listen ${pg.escapeIdentifier(channel)}`);
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
