import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';

/** A line to a server that a test can cut and mend. */
export interface Line {
  readonly port: number;
  /** Breaks what is connected. With `stay`, nobody gets through until it is mended. */
  cut(how?: { readonly stay: boolean }): void;
  mend(): void;
  close(): Promise<void>;
}

/** Opens a port of this machine that leads to another one, or to a unix socket. */
export async function openLine(to: NetConnectOpts): Promise<Line> {
  const sockets = new Set<Socket>();
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
        other.destroy();
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
    async close() {
      server.close();
      cut();
      if (server.listening) await once(server, 'close');
    },
  };
}
