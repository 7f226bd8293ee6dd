/** Who a person or a key may act as. `admin` may do all. */
export type Role = 'customer' | 'support' | 'merchandiser' | 'operator' | 'admin';

/** Every role, for schemas and for reading roles out of tokens. */
export const roles: readonly Role[] = ['customer', 'support', 'merchandiser', 'operator', 'admin'];

/**
 * The caller of an operation, after verification.
 * - `anonymous`: no token; guests prove themselves per cart or order.
 * - `user`: a person with a session (`sessionId` names it, so that it can be ended).
 * - `key`: a machine with an API key; `name` is what the admin called it.
 * - `service`: another service of ours, known by mTLS or by living in this process.
 */
export type Principal =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'user'; readonly userId: string; readonly role: Role; readonly sessionId: string }
  | { readonly kind: 'key'; readonly keyId: string; readonly role: Role; readonly name: string }
  | { readonly kind: 'service'; readonly name: string };

/** The caller without a token. */
export const anonymous: Principal = Object.freeze({ kind: 'anonymous' });

/** Whether a value (from a token, a header, a row) names a role. */
export function isRole(value: unknown): value is Role {
  return roles.includes(value as Role);
}

/** Whether `role` is among `allowed`; `admin` always is, so an empty list allows admins only. What is its owner's alone must not be asked about here. */
export function roleAllows(role: Role, allowed: readonly Role[]): boolean {
  return role === 'admin' || allowed.includes(role);
}
