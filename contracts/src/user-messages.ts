import { event, IdText, Instant, oneOf, strict, Type } from '@stoa/platform/schema';

const role = oneOf(['customer', 'support', 'merchandiser', 'operator', 'admin']);

/** Somebody has an account now. Without name and e-mail: those are asked for by id when needed. */
const userRegistered = event('user.registered.v1', strict({ userId: IdText, role, registeredAt: Instant }));

/** Role, state or password changed: tokens issued before `tokensValidFrom` are void. */
const userChanged = event(
  'user.changed.v1',
  strict({ userId: IdText, role, active: Type.Boolean(), tokensValidFrom: Instant }),
);

/** The person asked to be forgotten: overwrite what is kept about them. Totals, streams and projections stay. */
const userErased = event('user.erased.v1', strict({ userId: IdText, erasedAt: Instant }));

export const userEvents = { userRegistered, userChanged, userErased };
