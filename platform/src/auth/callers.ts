import { refusal } from '../errors/index.ts';
import type { Cause, Principal } from '../schema/index.ts';
import type { Clock } from '../time/index.ts';
import { type ApiKeys, createApiKeys, type KnownKey } from './api-keys.ts';
import type { KeySetSource } from './key-set.ts';
import { type EndedTokens, followRevocations, type HearEnded, type RevocationFeed } from './revocation-feed.ts';
import { createRevocations } from './revocations.ts';
import { isApiKey } from './secret.ts';
import { createTokenVerifier } from './token-verifier.ts';

/** What is asked of whoever keeps the accounts, wherever that is. */
export interface UserDirectory {
  /** The keys that access tokens are signed with. */
  readonly keySet: KeySetSource['jwks'];
  /** A machine's key by its hash. @throws AppError `api-key.not-found` */
  apiKey(hash: string, cause: Cause): Promise<KnownKey>;
  /** Tokens that ended since an earlier answer's `asOf`; all that can still matter when it is missing. */
  endedTokens(since: string | undefined): Promise<EndedTokens>;
  /** Calls back when an event that passes through this process ends tokens. Events may be lost. */
  hear(ended: HearEnded): void;
}

/** By which a process knows who calls. */
export interface Callers {
  /** Principals of tokens that were verified before and are still good; takes no time. */
  known(token: string): Principal | undefined;
  /**
   * Whom an access token or a machine's key speaks for.
   *
   * @throws AppError `auth.invalid`, or `service.unavailable` when it cannot be told now
   */
  verify(token: string, cause: Cause): Promise<Principal>;
  readonly feed: RevocationFeed;
  close(): void;
}

export interface CallersOptions {
  readonly directory: UserDirectory;
  readonly clock: Clock;
  /** Told when the keys or the list of ended tokens could not be read. They are asked for again. */
  readonly onAskFailed: (what: 'keys' | 'ended tokens', error: unknown) => void;
}

/** Verifies access tokens with the user service's keys, and looks machines' keys up there. */
export function createCallers({ directory, clock, onAskFailed }: CallersOptions): Callers {
  const revocations = createRevocations({ clock });
  const access = createTokenVerifier({
    jwks: directory.keySet,
    clock,
    isRevoked: revocations.isRevoked,
    onFetchFailed: (error) => onAskFailed('keys', error),
  });
  const keys: ApiKeys = createApiKeys((hash, cause) => directory.apiKey(hash, cause), clock);
  const feed = followRevocations(directory, {
    ended: {
      user: revocations.revokeUser,
      session: revocations.revokeSession,
      apiKey: keys.revoke,
    },
    onAskFailed: (error) => onAskFailed('ended tokens', error),
  });

  return {
    known(token) {
      if (token === '') return undefined;
      return isApiKey(token) ? keys.known(token) : access.verified(token);
    },
    async verify(token, cause) {
      if (token === '') throw refusal('auth.invalid', 'The token is not valid.');
      await feed.begin();
      return isApiKey(token) ? keys.verify(token, cause) : access.verify(token);
    },
    feed,
    close: () => feed.close(),
  };
}

/** The token of an Authorization header. Undefined when there is no header; '' when there is another kind than Bearer. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  return /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(authorization)?.[1] ?? '';
}
