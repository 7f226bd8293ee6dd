import type { Connector } from '@stoa/platform/trust';
import { type Dispatcher, Pool } from 'undici';

export interface UpstreamSettings {
  /** Connections to one replica for requests that are soon answered. */
  readonly connectionsMax: number;
  /** How to open one; undefined for plain HTTP. */
  readonly connect: Connector | undefined;
}

/** One replica of a service, with the connections to it. */
export interface Upstream {
  /**
   * Sends a request when there is room for it; false when there is none.
   *
   * @param lasts it may take long by its nature (a stream, an upload, a client that prefers to wait): such ones have connections of their own,
   *   so that they cannot take all of them from the others
   */
  send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, lasts: boolean): boolean;
  /** It has asked lately that its connections be closed: until then it is taken to be going, though it works until it is gone. */
  readonly retiringUntilMs: number;
  retire(): void;
  /** To be called once for each one sent, when it is over. */
  over(lasts: boolean): void;
}

export interface Upstreams {
  of(url: string): Upstream;
  close(): Promise<void>;
}

/** Below the 75 s after which services close idle connections, so that none is used that is being closed. */
const idleMs = 55_000;
const connectMs = 2_000;
/** Requests that wait for a connection, for each connection. */
const queuedPerConnection = 4;
const lastingMax = 1_000;
/** Answers' headers. */
const headersBytesMax = 16_384;
/** Time to go and to come back; then one request finds out whether it has. */
const retiringMs = 3_000;
/** How long after its last request a replica is remembered. */
const unusedMs = 300_000;

/** The connections to all replicas of a service. Those of replicas that are asked no more are closed after a while. */
export function createUpstreams(settings: UpstreamSettings): Upstreams {
  const upstreams = new Map<string, PooledUpstream>();

  function sweep(): void {
    const nowMs = Date.now();
    for (const [url, upstream] of upstreams) {
      if (upstream.isBusy || nowMs - upstream.usedAtMs < unusedMs) continue;
      upstreams.delete(url);
      void upstream.close();
    }
  }

  const timer = setInterval(sweep, unusedMs / 5);
  timer.unref();
  return {
    of(url) {
      let upstream = upstreams.get(url);
      if (upstream === undefined) {
        upstream = new PooledUpstream(url, settings);
        upstreams.set(url, upstream);
      }
      upstream.usedAtMs = Date.now();
      return upstream;
    },
    async close() {
      clearInterval(timer);
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
    },
  };
}

class PooledUpstream implements Upstream {
  usedAtMs = 0;
  retiringUntilMs = 0;
  readonly #brief: Bounded;
  readonly #lasting: Bounded;

  constructor(url: string, { connectionsMax, connect }: UpstreamSettings) {
    const pool = (connections: number) =>
      new Pool(url, {
        connections,
        ...(connect && { connect }),
        connectTimeout: connectMs,
        pipelining: 1,
        allowH2: false,
        keepAliveTimeout: idleMs,
        keepAliveMaxTimeout: idleMs,
        maxHeaderSize: headersBytesMax,
      });
    this.#brief = { pool: pool(connectionsMax), running: 0, runningMax: connectionsMax * (1 + queuedPerConnection) };
    // No queue: what lasts may not wait for what lasts.
    this.#lasting = { pool: pool(lastingMax), running: 0, runningMax: lastingMax };
  }

  retire(): void {
    this.retiringUntilMs = Date.now() + retiringMs;
  }

  get isBusy(): boolean {
    return this.#brief.running + this.#lasting.running > 0;
  }

  send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, lasts: boolean): boolean {
    const bounded = lasts ? this.#lasting : this.#brief;
    if (bounded.running >= bounded.runningMax) return false;
    bounded.running += 1;
    bounded.pool.dispatch(options, handler);
    return true;
  }

  over(lasts: boolean): void {
    (lasts ? this.#lasting : this.#brief).running -= 1;
  }

  async close(): Promise<void> {
    await Promise.all([this.#brief.pool.destroy(), this.#lasting.pool.destroy()]);
  }
}

interface Bounded {
  readonly pool: Pool;
  running: number;
  readonly runningMax: number;
}
