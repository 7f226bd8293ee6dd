import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import { join } from 'node:path';

/** A line to a server that a test can cut and mend. */
export interface Line {
  readonly port: number;
  /** Breaks what is connected. With `stay`, nobody gets through until it is mended. */
  cut(how?: { readonly stay: boolean }): void;
  mend(): void;
  /** Loses what is connected without telling anybody: each side has half a connection, for ever. New ones get through. */
  lose(): void;
  close(): Promise<void>;
}

/** Opens a port of this machine that leads to another one, or to a unix socket. */
export async function openLine(to: NetConnectOpts): Promise<Line> {
  const sockets = new Set<Socket>();
  const lost = new WeakSet<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return void near.resetAndDestroy();
    const far = connect({ host: '127.0.0.1', ...to });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        if (!lost.has(one)) other.destroy();
      });
      one.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    cut({ stay } = { stay: false }) {
      isCut = stay;
      cut();
    },
    mend() {
      isCut = false;
    },
    lose() {
      for (const socket of sockets) {
        lost.add(socket);
        socket.unpipe().resume();
      }
    },
    async close() {
      server.close();
      cut();
      if (server.listening) await once(server, 'close');
    },
  };
}

/** A line to the server of a database, and the URL that leads to the database by it. */
export async function openDatabaseLine(databaseUrl: string): Promise<{ readonly line: Line; readonly url: string }> {
  const url = new URL(databaseUrl);
  const folder = url.searchParams.get('host');
  const port = url.searchParams.get('port') ?? (url.port || '5432');
  const line = await openLine(
    folder?.startsWith('/')
      ? { path: join(folder, `.s.PGSQL.${port}`) }
      : { host: folder ?? url.hostname, port: Number(port) },
  );
  url.search = '';
  url.host = `127.0.0.1:${line.port}`;
  return { line, url: url.href };
}
