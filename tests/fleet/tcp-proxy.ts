import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A line to a server on which a network can be bad. */
export interface TcpProxy {
  readonly port: number;
  /** Lets everything through, what has been held first. */
  pass(): void;
  /** Lets nothing through: connections stay, and new ones are taken, but nobody hears of the other. */
  blackhole(): void;
  /** Everything comes so many milliseconds later. */
  slow(delayMs: number): void;
  /** Breaks what is connected and refuses what comes, until it passes again. */
  cut(): void;
  close(): Promise<void>;
}

interface Line {
  readonly sockets: readonly [Socket, Socket];
  /** Sends on what has been held. */
  flush(): void;
}

/** Opens a port of this machine that leads to another one, which may be that of nobody yet. */
export async function openTcpProxy(to: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const lines = new Set<Line>();
  let state: 'passing' | 'holding' | 'cut' = 'passing';
  let delayMs = 0;

  /** Chunks in their order, none before its time, none at all while the proxy holds. */
  function pipe(from: Socket, into: Socket): () => void {
    const held: { chunk: Buffer; dueMs: number }[] = [];
    const flush = () => {
      while (held[0] && state === 'passing' && held[0].dueMs <= performance.now())
        into.write(held.shift()?.chunk ?? '');
    };
    from.on('data', (chunk) => {
      held.push({ chunk, dueMs: performance.now() + delayMs });
      if (delayMs === 0) flush();
      else setTimeout(flush, delayMs + 1);
    });
    return flush;
  }

  const server = createServer((near) => {
    if (state === 'cut') return void near.resetAndDestroy();
    const far = connect(to.port, to.host);
    const flushes = [pipe(near, far), pipe(far, near)];
    const line: Line = { sockets: [near, far], flush: () => void flushes.map((flush) => flush()) };
    lines.add(line);
    for (const socket of line.sockets) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => end(line));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  function end(line: Line): void {
    lines.delete(line);
    line.flush();
    for (const socket of line.sockets) socket.destroySoon();
  }

  function breakAll(): void {
    for (const { sockets } of lines) for (const socket of sockets) socket.resetAndDestroy();
  }

  return {
    port: (server.address() as { port: number }).port,
    pass() {
      state = 'passing';
      delayMs = 0;
      for (const line of lines) line.flush();
    },
    blackhole() {
      state = 'holding';
    },
    slow(ms) {
      state = 'passing';
      delayMs = ms;
    },
    cut() {
      state = 'cut';
      breakAll();
    },
    async close() {
      server.close();
      breakAll();
      if (server.listening) await once(server, 'close');
    },
  };
}
