import type { Logger } from 'pino';
import { type AppError, type ErrorDeclaration, findAppError, kitErrors, type Violation } from '../errors/index.ts';

/** Codes with their status and title, as contracts declare them. */
export type ErrorDeclarations = Readonly<Record<string, ErrorDeclaration>>;

/** A refused or failed request as the outside sees it (RFC 9457). */
export interface Problem {
  /** The code's place in the documentation. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Stable; declared in the service's contract or by the kit. */
  readonly code: string;
  readonly traceId: string;
  readonly errors?: readonly Violation[];
}

const declaredByKit: ErrorDeclarations = kitErrors;

/** Where the status of a code stands: the contract's declarations first, then the kit's own; undefined for a code nobody declared. */
export function declarationOf(code: string, declared: ErrorDeclarations): ErrorDeclaration | undefined {
  if (Object.hasOwn(declared, code)) return declared[code];
  return Object.hasOwn(declaredByKit, code) ? declaredByKit[code] : undefined;
}

/**
 * The one place where an error becomes a status. Only AppErrors with a declared code speak to the outside; everything else is
 * `internal` with a text that says nothing about the inside.
 *
 * @param declared the errors of the contract whose operation failed
 */
export function problemOf(error: unknown, declared: ErrorDeclarations, traceId: string): Problem {
  const known = findAppError(error);
  const declaration = known && declarationOf(known.code, declared);
  if (known === undefined || declaration === undefined || known.code === 'internal') return internalProblem(traceId);
  const problem = {
    type: `/docs/errors#${known.code}`,
    title: declaration.title,
    status: declaration.status,
    detail: known.message,
    code: known.code,
    traceId,
  };
  return known.errors === undefined ? problem : { ...problem, errors: known.errors };
}

/** Headers that go with a problem: when to come back, and how to sign in. Lower-case names. */
export function problemHeaders(problem: Problem, error: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  const known: AppError | undefined = findAppError(error);
  if (known?.retryAfterS !== undefined) headers['retry-after'] = String(Math.ceil(known.retryAfterS));
  if (problem.code === 'auth.missing') headers['www-authenticate'] = 'Bearer';
  if (problem.code === 'auth.invalid') headers['www-authenticate'] = 'Bearer error="invalid_token"';
  return headers;
}

/** Logs what the outside is not told: faults with their stack; refusals are answers and leave no line. */
export function logProblem(
  log: Logger,
  problem: Problem,
  error: unknown,
  operation: string,
  correlationId: string,
): void {
  if (problem.status < 500) return;
  const line = { err: error, code: problem.code, operation, correlationId, traceId: problem.traceId };
  if (problem.code === 'internal') log.error(line, 'an operation failed');
  else log.warn(line, 'an operation could not be carried out');
}

function internalProblem(traceId: string): Problem {
  return {
    type: '/docs/errors#internal',
    title: kitErrors.internal.title,
    status: kitErrors.internal.status,
    detail: 'The request could not be carried out. Quote the traceId when you report this.',
    code: 'internal',
    traceId,
  };
}
