import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Callers } from '../auth/index.ts';
import type { Hints, SharedCounters } from '../cache/index.ts';
import type { Client } from '../client/index.ts';
import type { Environment } from '../config/index.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Policies } from '../resilience/index.ts';
import type { Cause, Contract, Message, Principal } from '../schema/index.ts';
import type { Traces } from '../telemetry/index.ts';
import type { Clock } from '../time/index.ts';
import type { Trust } from '../trust/index.ts';

/** What the gateway has found out about a request before it hands it on. */
export interface RequestContext {
  readonly principal: Principal;
  readonly cause: Cause;
  readonly requestId: string;
  readonly clientAddress: string;
  readonly deadlineMs: number;
}

/** A service that lives in this process: requests are handed to it without a socket. */
export interface LocalTarget {
  readonly kind: 'local';
  readonly contract: Contract;
  /** `request.url` must be the normalised path and query that was routed. */
  handle(request: IncomingMessage, response: ServerResponse, context: RequestContext): void;
}

/** A service in another process: requests are proxied to one of its addresses. */
export interface RemoteTarget {
  readonly kind: 'remote';
  readonly contract: Contract;
  readonly discoveryName: string;
}

export interface HealthReport {
  readonly name: string;
  readonly state: 'up' | 'degraded' | 'down';
  readonly latencyMs: number;
  readonly reason?: string;
}

/** What the host gives to the one service that faces the outside. */
export interface EdgeHost {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  /** Every service of the system, this process's own or others', without the gateway. */
  readonly targets: readonly (LocalTarget | RemoteTarget)[];
  client<C extends Contract>(contract: C): Client<C>;
  /** Who tokens speak for. */
  readonly callers: Callers;
  /** How calls to each operation are guarded. */
  readonly policies?: Policies;
  /** Where services of other processes are, and how they know us; present when there are any. */
  readonly discovery?: Discovery;
  readonly trust?: Trust;
  /** What other processes have committed, and what is counted together with other gateways; present when there is a Redis. */
  readonly hints?: Hints;
  readonly counters?: SharedCounters;
  /** Each hosted service with its database and other dependencies. */
  health(): Promise<HealthReport[]>;
  /** Hears every event committed in this process, for caches that must not go stale; at most once, may be lost: keep a short life beside it. */
  onEvent(type: string, hear: (message: Message) => void): void;
  /** Hears of every request that the edge has answered: for metrics. `operation` is of a bounded set. */
  readonly observe?: (operation: string, method: string, status: number, seconds: number) => void;
  /** Begins or continues a trace and decides whether it is recorded (`Traces.start`); without it no trace that begins here is. */
  readonly startTrace?: (traceparent?: string) => string;
  /** Where spans of the edge's own operations go, and what is kept of the others'. */
  readonly traces?: Traces;
}

/** The edge while it runs. */
export interface Edge {
  readonly url: string;
  /** Still answers, but is no longer ready, and every answer asks its client to use another connection. */
  retire(): void;
  /** Stops accepting, lets running requests finish until the deadline, then closes. */
  close(deadlineMs: number): Promise<void>;
}
