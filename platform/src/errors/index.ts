export { certificateAdvice, isCertificateCode } from './certificate.ts';

/** One violation inside a refused request: where (a JSON pointer) and what. */
export interface Violation {
  readonly path: string;
  readonly message: string;
}

export interface AppErrorOptions {
  readonly cause?: unknown;
  readonly errors?: readonly Violation[];
  /** Seconds after which trying again makes sense; becomes `Retry-After`. */
  readonly retryAfterS?: number;
}

/**
 * The one error class. `code` is stable and declared in a contract (or in `kitErrors`), where its HTTP status stands.
 * A `refusal` is an answer (the caller asked for something that cannot be had); a `fault` is a failure of ours and may be retried.
 */
export class AppError extends Error {
  readonly code: string;
  readonly kind: 'refusal' | 'fault';
  readonly errors: readonly Violation[] | undefined;
  readonly retryAfterS: number | undefined;

  constructor(kind: 'refusal' | 'fault', code: string, detail: string, options: AppErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.kind = kind;
    this.code = code;
    this.errors = options.errors;
    this.retryAfterS = options.retryAfterS;
  }
}

/** A refusal: the request cannot be granted, and asking again unchanged will not help. */
export function refusal(code: string, detail: string, options?: AppErrorOptions): AppError {
  return new AppError('refusal', code, detail, options);
}

/** A fault: something on our side failed; the same request may succeed later. */
export function fault(code: string, detail: string, options?: AppErrorOptions): AppError {
  return new AppError('fault', code, detail, options);
}

/** Finds the AppError in an error or in its chain of causes; undefined when there is none. */
export function findAppError(error: unknown): AppError | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    if (at instanceof AppError) return at;
  }
  return undefined;
}

/** Throws when a thing that cannot happen has happened. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

export interface ErrorDeclaration {
  readonly status: number;
  readonly title: string;
}

/**
 * Codes that the kit itself answers with, on every service. No request is refused with those of sagas: they say why one failed, and with it what it was for.
 */
export const kitErrors = {
  'request.invalid': { status: 400, title: 'The request is not valid' },
  'request.too-large': { status: 413, title: 'The request body is too large' },
  'request.unsupported-media-type': { status: 415, title: 'The content type is not supported' },
  'request.timeout': { status: 408, title: 'The request took too long to arrive' },
  'request.method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  'route.not-found': { status: 404, title: 'There is nothing at this address' },
  'auth.missing': { status: 401, title: 'A token is needed' },
  'auth.invalid': { status: 401, title: 'The token is not valid' },
  'auth.forbidden': { status: 403, title: 'The role does not allow this' },
  'idempotency.key-required': { status: 400, title: 'An Idempotency-Key is needed' },
  'idempotency.key-reused': { status: 422, title: 'The Idempotency-Key was used for another request' },
  'idempotency.in-progress': { status: 409, title: 'The request with this Idempotency-Key is still running' },
  'quota-exceeded': { status: 429, title: 'Too many requests' },
  'resource.stale': { status: 412, title: 'The resource has changed since it was read' },
  'service.unavailable': { status: 503, title: 'A service is not available' },
  'service.deadline-exceeded': { status: 504, title: 'A service took too long' },
  'service.bad-gateway': { status: 502, title: 'A service did not answer properly' },
  'saga.timed-out': { status: 504, title: 'It took longer than it may' },
  'saga.compensated': { status: 409, title: 'An operator turned it back' },
  'saga.failed': { status: 500, title: 'A step failed without saying why' },
  'saga.stuck': { status: 500, title: 'It needs an operator to go on' },
  internal: { status: 500, title: 'Something went wrong on our side' },
} as const satisfies Record<string, ErrorDeclaration>;
