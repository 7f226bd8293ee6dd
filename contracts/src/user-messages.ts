import { event, IdText, Instant, Metadata, oneOf, strict, Type } from '@stoa/platform/schema';

const role = oneOf(['customer', 'support', 'merchandiser', 'operator', 'admin']);
const metadata = Type.Optional(Metadata);

/** Somebody has an account now. Without name and e-mail: those are asked for by id when needed. */
const userRegistered = event('user.registered.v1', strict({ userId: IdText, role, registeredAt: Instant, metadata }));

/** Role, state, password or metadata changed: tokens issued before `tokensValidFrom` are void. */
const userChanged = event(
  'user.changed.v1',
  strict({ userId: IdText, role, active: Type.Boolean(), tokensValidFrom: Instant, metadata }),
);

/** The person asked to be forgotten: overwrite what is kept about them. Totals, streams and projections stay. */
const userErased = event('user.erased.v1', strict({ userId: IdText, erasedAt: Instant }));

/** One sign-in has ended (logged out, ended from another device, its refresh token reused): its access tokens are void. */
const sessionEnded = event('user.session-ended.v1', strict({ userId: IdText, sessionId: IdText, endedAt: Instant }));

/** A machine's key was deleted: whoever has verified it before must forget that. */
const apiKeyRevoked = event('user.api-key-revoked.v1', strict({ keyId: IdText, revokedAt: Instant }));

/** Somebody needs a mail to set a password. Whoever sends it asks for address and token by `resetId`. */
const passwordResetRequested = event('user.password-reset-requested.v1', strict({ userId: IdText, resetId: IdText }));

export const userEvents = {
  userRegistered,
  userChanged,
  userErased,
  sessionEnded,
  apiKeyRevoked,
  passwordResetRequested,
};
