import { type AppError, fault, findAppError } from '@stoa/platform/errors';

const timeouts = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/**
 * What the client is told when a service gave no answer: 503 when no connection to it took the request, 504 when it was too slow, 502 when it
 * broke off or said what is no HTTP.
 *
 * @param begun whether a connection had taken the request
 */
export function failureOf(service: string, error: Error, begun: boolean): AppError {
  const known = findAppError(error);
  if (known !== undefined) return known;
  if (timeouts.has((error as NodeJS.ErrnoException).code ?? '')) {
    return fault('service.deadline-exceeded', `The ${service} service took too long.`, { cause: error });
  }
  if (begun) return fault('service.bad-gateway', `The ${service} service did not answer properly.`, { cause: error });
  return fault('service.unavailable', `The ${service} service cannot be reached.`, { cause: error, retryAfterS: 1 });
}

/** It is the gateway that the service does not believe, so its 401 is not the client's. */
export function notBelieved(service: string): AppError {
  const cause = new Error(
    'it refuses our proof: compare the clocks of both machines, and STOA_SERVICE_SECRET or the certificates of both processes',
  );
  return fault('service.bad-gateway', `The ${service} service does not take requests from the gateway.`, { cause });
}

/** Whether nobody was there to say anything: neither yes nor no. */
export function isSilence(error: Error): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return timeouts.has(code) || code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT' || code === 'EHOSTUNREACH';
}

/** Requests before this one were not answered in their time. */
export function keepsSilent(service: string): AppError {
  return fault(
    'service.unavailable',
    `The ${service} service does not answer this in time; it is not asked for a moment.`,
    { retryAfterS: 1 },
  );
}

/** As many requests wait for the service as may. */
export function tooBusy(service: string): AppError {
  return fault('service.unavailable', `Too many requests wait for the ${service} service.`, { retryAfterS: 1 });
}
