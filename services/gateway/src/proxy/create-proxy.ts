import type { Discovery } from '@stoa/platform/discovery';
import { assert } from '@stoa/platform/errors';
import { timeoutMsDefault } from '@stoa/platform/http';
import { fairMsOf, type Policies } from '@stoa/platform/resilience';
import type { Operation } from '@stoa/platform/schema';
import type { RemoteTarget } from '@stoa/platform/service';
import type { Trust } from '@stoa/platform/trust';
import type { Logger } from 'pino';
import { bodyBytesMaxDefault } from '../answer/too-large.ts';
import type { ServiceTargets } from '../routing/target.ts';
import { Passage, type Way } from './passage.ts';
import { RetryBudget } from './retry-budget.ts';
import { SilenceBreaker } from './silence-breaker.ts';
import { createUpstreams, type Upstreams } from './upstreams.ts';

/** Hands requests to services in other processes. */
export interface Proxy {
  /** What the service's routes lead to, operation by operation. */
  targets(remote: RemoteTarget): ServiceTargets;
  close(): Promise<void>;
}

/** Of the methods that HTTP calls idempotent, those in use here. */
const idempotent = new Set(['GET', 'PUT', 'DELETE']);

/**
 * Guarded as calls between services are, and counted with them, but by what a stream of bytes can have without a promise for each request: a bounded
 * number of connections and of requests that wait for one (bulkhead), the deadline watched where requests come in, one repetition within a budget,
 * replicas that fail put aside by discovery, and a breaker an operation for what nobody answers. See docs/decisions/0019.
 *
 * @param options.connectionsMax connections to one replica
 */
export function createProxy(options: {
  discovery: Discovery;
  trust: Trust;
  log: Logger;
  /** Where retries, refusals and breakers are counted with those of calls between services. */
  policies: Policies;
  connectionsMax: number;
}): Proxy {
  const { discovery, trust, log, policies, connectionsMax } = options;
  const opened: Upstreams[] = [];
  const proof = () => trust.proof('gateway');

  return {
    targets({ contract, discoveryName }) {
      const { service, operations } = contract;
      // Whoever answers has to prove that it is this service, so connections are not shared between services.
      const upstreams = createUpstreams({ connectionsMax, connect: trust.connectFor(service) });
      opened.push(upstreams);
      const shared = { service, discoveryName, discovery, upstreams, log, proof, retries: new RetryBudget() };
      return {
        contract,
        of(name) {
          const operation = operations[name];
          assert(operation !== undefined, `${service} has no operation ${name}`);
          const breaker = new SilenceBreaker();
          const hear = policies.listen(service, name, () => breaker.state);
          const way: Way = { ...shared, ...kindOf(operation), breaker, hear };
          return {
            kind: 'remote',
            handle: (request, response, context) => new Passage(way, request, response, context).start(),
          };
        },
      };
    },
    async close() {
      await Promise.all(opened.map((upstreams) => upstreams.close()));
    },
  };
}

function kindOf(operation: Operation) {
  const bodyBytesMax = operation.bodyBytesMax ?? bodyBytesMaxDefault;
  // Small bodies that are read raw are as soon over as any other.
  const uploads = operation.rawBody !== undefined && bodyBytesMax > bodyBytesMaxDefault;
  const streams = operation.streams !== undefined;
  const kind: Way['kind'] =
    operation.streams === 'text/event-stream' ? 'events' : streams || uploads ? 'body' : undefined;
  return {
    isIdempotent: idempotent.has(operation.method),
    honoursKeys: operation.idempotency !== undefined,
    bodyBytesMax,
    fairMs: fairMsOf(operation.timeoutMs ?? timeoutMsDefault),
    kind,
    streams,
  };
}
