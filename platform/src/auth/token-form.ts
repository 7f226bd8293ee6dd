/** What issuer and verifiers of access tokens agree on. */
export const issuer = 'stoa';
export const audience = 'stoa';

/** RFC 9068: the type that keeps other JWTs from being taken for access tokens. */
export const tokenType = 'at+jwt';

/** How long an access token lives unless told otherwise, in seconds. */
export const accessTokenLifetimeS = 900;

/**
 * How far an issuer's clock may run before a verifier's, in seconds: machines five minutes apart still understand each other. It
 * only softens "issued in the future", never the expiry.
 */
export const clockSkewS = 330;
