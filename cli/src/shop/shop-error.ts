import type { CliError, Ending } from '../cli-error.ts';
import { cliError } from '../cli-error.ts';

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

/** A "no" of the shop, as RFC 9457 tells it. */
export class ShopError extends Error {
  readonly status: number;
  readonly code: string;
  /** When it is worth asking again. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: Problem, retryAfterMs?: number) {
    const violations = (problem.errors ?? []).slice(0, 5).map(({ path, message }) => `${path} ${message}`);
    super([problem.detail, ...violations].join('\n  '));
    this.name = 'ShopError';
    this.status = problem.status;
    this.code = problem.code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Reads a refused answer; one that is no problem+json (a proxy's page) is told by its status. */
export function shopErrorOf(status: number, text: string, retryAfter: string | undefined): ShopError {
  const seconds = Number(retryAfter ?? Number.NaN);
  return new ShopError(problemOf(status, text), Number.isFinite(seconds) ? seconds * 1000 : undefined);
}

function problemOf(status: number, text: string): Problem {
  try {
    const { code, detail, errors } = JSON.parse(text) as Partial<Problem>;
    if (code !== undefined && detail !== undefined) return { status, code, detail, ...(errors && { errors }) };
  } catch {
    // Told below.
  }
  return { status, code: 'http.error', detail: `The shop answered with HTTP ${status}.` };
}

/** How a command ends that met this error. */
export function endingOf(error: ShopError): CliError {
  return cliError(endingOfStatus(error.status), `${error.message} (${error.code})`, { cause: error });
}

function endingOfStatus(status: number): Ending {
  if (status === 404) return 'not-found';
  if (status === 409 || status === 412) return 'conflict';
  return status >= 500 || status === 429 ? 'unavailable' : 'failed';
}
