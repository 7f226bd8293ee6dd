import { traceIdOf } from '@stoa/platform/telemetry';
import type { Logger } from 'pino';
import type { Exchange } from './request/exchange.ts';

/** Hears of an answered request: for metrics. `operation` is one of the contracts' names, or one word for all that reached none. */
export type ObserveRequest = (operation: string, method: string, status: number, seconds: number) => void;

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * Counts every request and leaves a line in the log for a share of the good ones and for all that failed on our side. Never the query, which may
 * hold what a person typed, nor any header.
 */
export function createAccessLog(options: {
  log: Logger;
  sample: number;
  observe: ObserveRequest | undefined;
}): (exchange: Exchange) => void {
  const { log, sample, observe } = options;
  let untilNext = sample;

  return (exchange) => {
    const { found, response, startedMs, cause } = exchange;
    const route = found.kind === 'route' ? found.route : undefined;
    const operation = route === undefined ? 'none' : route.label;
    const method = exchange.method;
    const status = response.statusCode;
    const ms = performance.now() - startedMs;
    observe?.(operation, knownMethods.has(method) ? method : 'other', status, ms / 1000);
    untilNext += sample;
    const sampled = untilNext >= 1;
    if (sampled) untilNext -= 1;
    if (!sampled && status < 500) return;
    const line = {
      operation,
      method,
      path: route?.operation.path,
      status,
      ms: Math.round(ms * 100) / 100,
      caller: exchange.principal.kind,
      correlationId: cause.correlationId,
      traceId: traceIdOf(cause.traceparent),
      requestId: exchange.requestId,
    };
    if (status >= 500) log.warn(line, 'a request failed');
    else log.info(line, 'a request was answered');
  };
}
