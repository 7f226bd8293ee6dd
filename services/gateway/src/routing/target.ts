import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Contract } from '@stoa/platform/schema';
import type { LocalTarget, RequestContext } from '@stoa/platform/service';
import type { FlatHeaders } from '../answer/write.ts';

/** What the gateway has found out about a request, and says in its answer. */
export interface HandedOn extends RequestContext {
  /** Headers that every answer has, names and values in turn; missing where they are added later, or are on the response already. */
  readonly answerHeaders?: FlatHeaders;
}

/** What answers the requests of one operation. */
export interface Target {
  /** `local` in this process, without a socket; `remote` in another, by a proxy. */
  readonly kind: 'local' | 'remote';
  /** `request.url` must be the normalised path and query that was routed. */
  handle(request: IncomingMessage, response: ServerResponse, context: HandedOn): void;
}

/** A service's operations, each with what answers it. */
export interface ServiceTargets {
  readonly contract: Contract;
  of(operationName: string): Target;
}

/** A service beside the gateway: one door for all of its operations. */
export function besideUs(target: LocalTarget): ServiceTargets {
  return { contract: target.contract, of: () => target };
}
