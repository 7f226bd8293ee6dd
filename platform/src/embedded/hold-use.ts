import pg from 'pg';

/** That this process uses a server, as long as it lives. */
export interface Use {
  /** Gives the use up; true when nobody else has one. From then on until the end nobody can begin one. */
  isLast(): Promise<boolean>;
  end(): Promise<void>;
}

const lock = `hashtext('stoa.embedded'), hashtext('in use')`;

/** Notes in the server that it is used: by a lock of a session of its own, so that it ends with the process, however that ends. */
export async function holdUse(adminUrl: string): Promise<Use> {
  const session = await open(adminUrl);
  await session.query(`select pg_advisory_lock_shared(${lock})`);
  // It must not keep alive a process that has nothing else to do.
  session.unref();
  let last: Session | undefined;
  return {
    async isLast() {
      await end(session);
      // A session of its own again: the first is gone where the server has died and come back meanwhile.
      last = await open(adminUrl).catch(() => undefined);
      if (last === undefined) return true;
      const { rows } = await last.query<{ free: boolean }>(`select pg_try_advisory_lock(${lock}) as free`);
      return rows[0]?.free === true;
    },
    async end() {
      await Promise.all([end(session), end(last)]);
    },
  };
}

/** As it is; the types lack these two. */
type Session = pg.Client & { ref(): void; unref(): void };

async function open(connectionString: string): Promise<Session> {
  const session = new pg.Client({ connectionString }) as Session;
  // When the server goes away, so does the use of it.
  session.on('error', () => undefined);
  await session.connect();
  return session;
}

async function end(session: Session | undefined): Promise<void> {
  session?.ref();
  await session?.end().catch(() => undefined);
}
