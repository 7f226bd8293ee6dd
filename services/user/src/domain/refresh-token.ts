/** For how long a used refresh token gives its successor again: the answer that carried it may have been lost. */
export const refreshGraceS = 10;

/** What is known of a refresh token that was presented. Ages come from the database's clock. */
export interface PresentedToken {
  readonly expired: boolean;
  /** Its session was ended, or its user may not sign in any more. */
  readonly ended: boolean;
  /** Seconds since it was exchanged; null when it has not been. */
  readonly usedAgoS: number | null;
}

/**
 * What becomes of a presented refresh token.
 * - `exchange`: first use
 * - `repeat`: the same successor again
 * - `reused`: somebody else has it too, so the whole family ends (RFC 9700 §4.14.2)
 * - `invalid`: it is good for nothing any more
 */
export function judgeRefreshToken(token: PresentedToken): 'exchange' | 'repeat' | 'reused' | 'invalid' {
  if (token.expired) return 'invalid';
  if (token.usedAgoS !== null && token.usedAgoS > refreshGraceS) return 'reused';
  if (token.ended) return 'invalid';
  return token.usedAgoS === null ? 'exchange' : 'repeat';
}
