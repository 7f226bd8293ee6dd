/** How processes of one shop know each other: by certificates of one authority, or by a secret that all share. */
export type { KeyPair, Purpose, ToIssue, Validity } from './authority.ts';
export { type CredentialFiles, type Credentials, type Found, readCredentials } from './credentials.ts';
export { loadAuthority } from './load-authority.ts';
export { openTrust, type TrustOptions } from './open-trust.ts';
export type { Certificate, Connector, ServerSide, Trust } from './trust.ts';
export { type TrustSettings, trustSettings } from './trust-settings.ts';
