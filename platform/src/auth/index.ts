/** Identity: passwords, keys, tokens, secrets and signatures. No database and no HTTP; services keep what these functions make. */
export type { Principal, Role } from '../schema/index.ts';
export { anonymous, isRole, roleAllows, roles } from '../schema/index.ts';
export { type AccessClaims, type AccessToken, accessTokenLifetimeS, signAccessToken } from './access-token.ts';
export type { KnownKey } from './api-keys.ts';
export { bearerToken, type Callers, type CallersOptions, createCallers, type UserDirectory } from './callers.ts';
export { createHashingGate, type HashingGate } from './hashing-gate.ts';
export type { KeySetSource } from './key-set.ts';
export { hashPassword, needsRehash, verifyPassword } from './password.ts';
export { checkPasswordRules } from './password-rules.ts';
export { signReference, verifyReference } from './reference.ts';
export type { EndedTokens, HearEnded, RevocationFeed } from './revocation-feed.ts';
export { createRevocations, type Revocations } from './revocations.ts';
export { apiKeyPrefix, equalSecrets, hashSecret, isApiKey, newSecret } from './secret.ts';
export { generateSigningKey, type SigningAlgorithm, SigningKeys } from './signing-keys.ts';
export { createTokenVerifier, type TokenVerifier, type UserPrincipal } from './token-verifier.ts';
export { signWebhook, verifyWebhook } from './webhook.ts';
