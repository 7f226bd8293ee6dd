import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cause, Principal } from '@stoa/platform/schema';
import type { FlatHeaders } from '../answer/write.ts';
import type { Counted } from '../limits/limits.ts';
import type { Found } from '../routing/routes.ts';
import type { Head } from './head.ts';

/** One request on its way through the gateway, with what has been found out so far. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: Head;
  /** As it came; what is handed on may differ (HEAD becomes GET). */
  readonly method: string;
  /** Normalised path and query: what was routed, and what is handed on. */
  readonly url: string;
  readonly path: string;
  readonly found: Found;
  readonly clientAddress: string;
  readonly requestId: string;
  readonly cause: Cause;
  readonly startedMs: number;
  /** Which scripts of other sites may read the answer. */
  readonly corsHeaders: FlatHeaders;
  principal: Principal;
  counted: Counted | undefined;
}
