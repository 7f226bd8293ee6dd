import { refusal } from '../errors/index.ts';
import { type Access, type Principal, type Role, roleAllows } from '../schema/index.ts';

/**
 * How a request came in: handed over by the gateway, over a socket of this service's own, or from another service of ours (in this process,
 * or over a socket with a service's proof).
 */
export type Door = 'gateway' | 'socket' | 'service';

export interface Claim {
  readonly door: Door;
  readonly principal: Principal;
  /** A guest's proof is present; whether it is good is for the handler to say. */
  readonly hasOrderToken: boolean;
  readonly hasCartToken: boolean;
}

/**
 * Refuses callers that an operation's `access` does not admit. Whose rows may be touched is decided by the handler, which knows the rows.
 *
 * @throws AppError `auth.missing` (401), `auth.forbidden` (403), or `route.not-found` for internal operations asked for from outside
 */
export function authorise(access: Access, claim: Claim): void {
  const { principal } = claim;
  switch (access.who) {
    case 'anyone':
    case 'signed':
      return;
    case 'internal':
      if (claim.door === 'service') return;
      // From outside there is nothing here: not even the name of the route is told.
      if (claim.door === 'gateway') throw refusal('route.not-found', 'There is nothing at this address.');
      if (principal.kind === 'anonymous') throw missing();
      throw forbidden();
    case 'caller':
      if (principal.kind === 'anonymous') throw missing();
      // A machine's key has no rows of its own.
      if (principal.kind === 'key') throw forbidden();
      return;
    case 'owner': {
      if (principal.kind !== 'anonymous') return;
      const proven =
        access.guest === 'order-token' ? claim.hasOrderToken : access.guest === 'cart-token' && claim.hasCartToken;
      if (!proven) throw missing();
      return;
    }
    case 'staff':
      if (principal.kind === 'anonymous') throw missing();
      if (principal.kind !== 'service' && !roleAllows(principal.role, access.roles)) throw forbidden();
      return;
  }
}

/** Whether the caller acts for the shop: one of `allowed` (or `admin`), or a service of ours. */
export function isStaff(principal: Principal, allowed: readonly Role[]): boolean {
  if (principal.kind === 'service') return true;
  return principal.kind !== 'anonymous' && roleAllows(principal.role, allowed);
}

/** The person who calls; undefined for guests, machines and services. */
export function userIdOf(principal: Principal): string | undefined {
  return principal.kind === 'user' ? principal.userId : undefined;
}

function missing() {
  return refusal('auth.missing', 'Send an access token: Authorization: Bearer …');
}

function forbidden() {
  return refusal('auth.forbidden', 'Your role does not allow this.');
}
