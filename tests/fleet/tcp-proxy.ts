import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';

/** A line to a server on which a network can be bad. */
export interface TcpProxy {
  readonly port: number;
  /** What has gone through in all, in bytes. */
  readonly carried: number;
  /** What came and was not let through since the last `blackhole()`: bytes, and one for each connection, end and reset. */
  readonly held: number;
  /** What came late since the last `slow()`. */
  readonly slowed: number;
  /** Lets everything through, what has been held first. */
  pass(): void;
  /** Lets nothing through, no end of a connection either: each side goes on believing in the other, and new connections lead nowhere yet. */
  blackhole(): void;
  /** Everything comes so many milliseconds later, what has been held as well. */
  slow(delayMs: number): void;
  /** Lets new connections through. Those that are open stay so for ever, and nobody hears of the other: as after a router has forgotten them. */
  strand(): void;
  /** Breaks what is connected and refuses what comes, until it passes again. */
  cut(): void;
  close(): Promise<void>;
}

/** What one side has sent: bytes, the end of them, or that it is gone. */
type Sent = Buffer | 'end' | 'reset';

/** Opens a port of this machine that leads to another one, which may be that of nobody yet, or to a socket in the file system. */
export async function openTcpProxy(to: NetConnectOpts): Promise<TcpProxy> {
  const lines = new Set<Line>();
  const sums = { carried: 0, held: 0, slowed: 0 };
  let state: 'passing' | 'holding' | 'cut' = 'passing';
  let delayMs = 0;

  class Line {
    readonly #near: Socket;
    #far: Socket | undefined;
    readonly #flushes: (() => void)[] = [];
    isStranded = false;

    constructor(near: Socket) {
      this.#near = near;
      lines.add(this);
      this.#pipe(near, () => this.#far);
      if (this.#isHeld) sums.held++;
      else this.#reach();
    }

    get #isHeld(): boolean {
      return this.isStranded || state !== 'passing';
    }

    /** Sends on what has been held. */
    flush(): void {
      if (this.#isHeld) return;
      // Nobody is looked for on behalf of somebody who has left meanwhile.
      if (this.#far === undefined && this.#near.destroyed) return void lines.delete(this);
      if (this.#far === undefined) this.#reach();
      for (const flush of this.#flushes) flush();
    }

    break(): void {
      lines.delete(this);
      this.#near.resetAndDestroy();
      // A socket in the file system knows no reset.
      if ('port' in to) this.#far?.resetAndDestroy();
      else this.#far?.destroy();
    }

    #reach(): void {
      const far = connect({ ...to, allowHalfOpen: true });
      this.#far = far;
      this.#pipe(far, () => this.#near);
    }

    /** Everything in its order, nothing before its time, nothing at all while it is held. */
    #pipe(from: Socket, into: () => Socket | undefined): void {
      const waiting: { sent: Sent; dueMs: number }[] = [];
      const flush = () => {
        for (;;) {
          const [next] = waiting;
          const target = into();
          if (!next || !target || this.#isHeld) return;
          const earlyMs = next.dueMs - performance.now();
          if (earlyMs > 0) return void setTimeout(flush, earlyMs + 1);
          waiting.shift();
          this.#hand(next.sent, target);
        }
      };
      const take = (sent: Sent) => {
        const size = typeof sent === 'string' ? 1 : sent.length;
        if (this.#isHeld) sums.held += size;
        else if (delayMs > 0) sums.slowed += size;
        waiting.push({ sent, dueMs: performance.now() + delayMs });
        flush();
      };
      this.#flushes.push(() => {
        for (const each of waiting) each.dueMs = performance.now() + delayMs;
        flush();
      });
      from.setNoDelay(true);
      from.on('data', take);
      from.on('end', () => take('end'));
      // Without an end before it, it was broken: the other side is to see that too, once it is told.
      from.on('error', () => take('reset'));
      from.on('close', () => !from.readableEnded && !from.errored && take('reset'));
    }

    #hand(sent: Sent, target: Socket): void {
      if (sent === 'reset') this.break();
      else if (sent === 'end') target.end();
      else if (target.writable) target.write(sent);
      if (typeof sent !== 'string') sums.carried += sent.length;
      if (this.#near.destroyed && this.#far?.destroyed) lines.delete(this);
    }
  }

  const server = createServer({ allowHalfOpen: true }, (near) => {
    if (state === 'cut') near.resetAndDestroy();
    else new Line(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const flushAll = () => {
    for (const line of lines) line.flush();
  };
  const breakAll = () => {
    for (const line of lines) line.break();
  };

  return {
    port: (server.address() as { port: number }).port,
    get carried() {
      return sums.carried;
    },
    get held() {
      return sums.held;
    },
    get slowed() {
      return sums.slowed;
    },
    pass() {
      state = 'passing';
      delayMs = 0;
      flushAll();
    },
    blackhole() {
      state = 'holding';
      sums.held = 0;
    },
    slow(ms) {
      state = 'passing';
      delayMs = ms;
      sums.slowed = 0;
      flushAll();
    },
    strand() {
      state = 'passing';
      delayMs = 0;
      for (const line of lines) line.isStranded = true;
    },
    cut() {
      state = 'cut';
      breakAll();
    },
    async close() {
      const isClosed = once(server, 'close');
      server.close();
      breakAll();
      await isClosed;
    },
  };
}
