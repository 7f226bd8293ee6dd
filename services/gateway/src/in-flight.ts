import { bearerToken, type Callers } from '@stoa/platform/auth';
import { fault, findAppError, refusal } from '@stoa/platform/errors';
import { answerProblem } from './answer/write.ts';
import type { Exchange } from './request/exchange.ts';

interface Running {
  readonly exchange: Exchange;
  readonly service: string;
  /** When the answer has to have begun, by a clock that nobody sets, as all times here. */
  readonly answerByMs: number;
  /** When the body has to have arrived; streamed bodies have only to go on arriving. */
  readonly bodyByMs: number | undefined;
  readonly streams: boolean;
  bytesRead: number;
  bytesReadAtMs: number;
  /** Of a stream: it ends with it. */
  readonly token: string | undefined;
  /** Whether somebody is being asked if the token is still good. */
  asking: boolean;
}

export interface InFlight {
  /** From the hand-over until the answer has gone out. */
  add(exchange: Exchange, limits: { answerWithinMs: number; streamedBody: boolean; streams: boolean }): void;
  /** Streams end at once, for they have no end of their own; everything else may finish. */
  drain(): void;
  close(): void;
}

const sweepMs = 250;
/** A service's own deadline comes first; this is for one that has forgotten the request. */
const graceMs = 1_000;

/**
 * Watches over requests that have been handed on. One timer looks at all of them: a timer each would cost more than the look. Bodies that
 * trickle are refused with 408, services that never answer become 504, and a stream ends with the token it was opened with.
 */
export function createInFlight(
  { bodyTimeoutMs }: { bodyTimeoutMs: number },
  callers: Pick<Callers, 'known' | 'verify'>,
): InFlight {
  const running = new Set<Running>();
  let draining = false;

  function look(): void {
    const nowMs = performance.now();
    for (const one of running) {
      const { exchange, service } = one;
      endWithItsToken(one);
      if (exchange.response.headersSent) continue;
      if (!exchange.request.complete && isSlow(one, nowMs)) {
        refuseSlow(exchange);
      } else if (nowMs > one.answerByMs + graceMs) {
        if (awaitsBody(one)) refuseSlow(exchange);
        else answerProblem(exchange, fault('service.deadline-exceeded', `The ${service} service took too long.`));
      }
    }
  }

  /** Its reader comes back with a token that is good, and with `Last-Event-ID`. While nobody can tell, it goes on. */
  function endWithItsToken(one: Running): void {
    const { token, exchange } = one;
    const { cause, response } = exchange;
    if (token === undefined || one.asking || callers.known(token) !== undefined) return;
    one.asking = true;
    callers
      .verify(token, cause)
      .catch((error: unknown) => {
        if (findAppError(error)?.kind === 'refusal') response.destroy();
      })
      .finally(() => {
        one.asking = false;
      });
  }

  /** Whether it is the client that keeps the service waiting, and not the service that leaves unread what is there. */
  function awaitsBody({ exchange: { request } }: Running): boolean {
    return !request.complete && request.readableLength === 0;
  }

  function refuseSlow(exchange: Exchange): void {
    answerProblem(exchange, refusal('request.timeout', 'The body took too long to arrive.'), ['Connection', 'close']);
  }

  function isSlow(one: Running, nowMs: number): boolean {
    if (one.bodyByMs !== undefined) return nowMs > one.bodyByMs;
    const { bytesRead } = one.exchange.request.socket;
    if (bytesRead !== one.bytesRead) {
      one.bytesRead = bytesRead;
      one.bytesReadAtMs = nowMs;
    }
    return nowMs > one.bytesReadAtMs + bodyTimeoutMs;
  }

  const timer = setInterval(look, sweepMs);
  timer.unref();
  return {
    add(exchange, { answerWithinMs, streamedBody, streams }) {
      const nowMs = performance.now();
      const bodyByMs = streamedBody ? undefined : nowMs + bodyTimeoutMs;
      const { found } = exchange;
      const service = found.kind === 'route' ? found.route.service : 'gateway';
      const one = {
        exchange,
        service,
        answerByMs: nowMs + answerWithinMs,
        bodyByMs,
        streams,
        token: streams ? bearerToken(exchange.head.authorization) : undefined,
        bytesRead: 0,
        bytesReadAtMs: nowMs,
        asking: false,
      };
      running.add(one);
      exchange.response.once('close', () => running.delete(one));
      if (draining && streams) exchange.response.destroy();
    },
    drain() {
      draining = true;
      for (const { exchange, streams } of running) {
        if (streams) exchange.response.destroy();
        else exchange.response.shouldKeepAlive = false;
      }
    },
    close: () => clearInterval(timer),
  };
}
