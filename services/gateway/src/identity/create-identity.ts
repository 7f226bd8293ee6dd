import { userContract } from '@stoa/contracts/user';
import { createRevocations, createTokenVerifier } from '@stoa/platform/auth';
import type { EdgeHost } from '@stoa/platform/service';
import { identifyRequest } from '../request/trace.ts';
import { createApiKeys } from './api-keys.ts';
import { createTokenChecks, type TokenChecks } from './identity.ts';
import { followRevocations, type RevocationFeed } from './revocation-feed.ts';

/** Everything by which the gateway knows its callers. */
export interface Identity {
  readonly checks: TokenChecks;
  readonly feed: RevocationFeed;
}

const fetchMs = 3_000;

/** Verifies access tokens with the user service's keys, and looks machines' keys up there. */
export function createIdentity(host: EdgeHost): Identity {
  const { clock, log } = host;
  const users = host.client(userContract);
  const options = (cause = identifyRequest(undefined, undefined).cause) => ({
    cause,
    deadlineMs: clock.nowMs() + fetchMs,
  });
  const revocations = createRevocations({ clock });
  const verifier = createTokenVerifier({
    jwks: async () => users.getKeySet({}, options()),
    clock,
    isRevoked: revocations.isRevoked,
    onFetchFailed: (error) => log.warn({ err: error }, 'the keys that tokens are signed with could not be read'),
  });
  const keys = createApiKeys((hash, cause) => users.verifyApiKey({ body: { hash } }, options(cause)), clock);
  const feed = followRevocations(host, revocations, keys);
  const access: TokenChecks = { known: verifier.verified, verify: verifier.verify };
  return { checks: createTokenChecks(access, keys), feed };
}
