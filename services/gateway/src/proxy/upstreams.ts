import type { Connector } from '@stoa/platform/trust';
import { type Dispatcher, Pool } from 'undici';

export interface UpstreamSettings {
  /** Connections to one replica for requests that are soon answered. */
  readonly connectionsMax: number;
  /** How to open one; undefined for plain HTTP. */
  readonly connect: Connector | undefined;
}

/**
 * What a request does with its connection. It is soon `answered`; or its client prefers to `wait`; or it moves a `body`, a file or one that its client sends
 * no faster than it likes; or it is a stream of `events`. Each has connections of its own, so that no kind can take them from the others.
 */
export type Kind = 'answered' | 'wait' | 'body' | 'events';

/** One replica of a service, with the connections to it. */
export interface Upstream {
  /** Sends a request when there is room for it; false when there is none. */
  send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, kind: Kind): boolean;
  /** It has asked lately that its connections be closed: until then it is taken to be going, though it works until it is gone. */
  readonly retiringUntilMs: number;
  retire(): void;
  /** To be called once for each one sent, when it is over. */
  over(kind: Kind): void;
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
/** Of each kind that may take long by its nature. */
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
    const nowMs = performance.now();
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
      upstream.usedAtMs = performance.now();
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
  readonly #connections: Readonly<Record<Kind, Bounded>>;

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
    // No queue: what lasts may not wait for what lasts.
    const lasting = () => ({ pool: pool(lastingMax), running: 0, runningMax: lastingMax });
    this.#connections = {
      answered: { pool: pool(connectionsMax), running: 0, runningMax: connectionsMax * (1 + queuedPerConnection) },
      wait: lasting(),
      body: lasting(),
      events: lasting(),
    };
  }

  retire(): void {
    this.retiringUntilMs = performance.now() + retiringMs;
  }

  get isBusy(): boolean {
    return Object.values(this.#connections).some(({ running }) => running > 0);
  }

  send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, kind: Kind): boolean {
    const bounded = this.#connections[kind];
    if (bounded.running >= bounded.runningMax) return false;
    bounded.running += 1;
    bounded.pool.dispatch(options, handler);
    return true;
  }

  over(kind: Kind): void {
    this.#connections[kind].running -= 1;
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#connections).map(({ pool }) => pool.destroy()));
  }
}

interface Bounded {
  readonly pool: Pool;
  running: number;
  readonly runningMax: number;
}
