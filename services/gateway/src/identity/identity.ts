import { isApiKey } from '@stoa/platform/auth';
import { refusal } from '@stoa/platform/errors';
import { anonymous, type Cause, type Principal } from '@stoa/platform/schema';

/** What finds out whom a token speaks for. */
export interface TokenChecks {
  /** Principals of tokens that were verified before and are still good; takes no time. */
  known(token: string): Principal | undefined;
  /** @throws AppError `auth.invalid`, or `service.unavailable` when it cannot be told now */
  verify(token: string, cause: Cause): Promise<Principal>;
}

/** The token of an Authorization header. Undefined when there is no header; '' when there is another kind than Bearer. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  return /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(authorization)?.[1] ?? '';
}

/** Puts the two kinds of tokens behind one face. */
export function createTokenChecks(access: TokenChecks, keys: TokenChecks): TokenChecks {
  const checksOf = (token: string) => (isApiKey(token) ? keys : access);
  return {
    known: (token) => (token === '' ? undefined : checksOf(token).known(token)),
    verify(token, cause) {
      if (token === '') return Promise.reject(refusal('auth.invalid', 'The token is not valid.'));
      return checksOf(token).verify(token, cause);
    },
  };
}

/** Staff sees more than customers do, and nobody else may be shown it. */
export function seesWhatAllSee(principal: Principal): boolean {
  return (
    principal === anonymous ||
    principal.kind === 'anonymous' ||
    (principal.kind === 'user' && principal.role === 'customer')
  );
}
