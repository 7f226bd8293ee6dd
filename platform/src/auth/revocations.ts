import type { Clock } from '../time/index.ts';
import type { AccessToken } from './access-token.ts';
import { accessTokenLifetimeS, clockSkewS } from './token-form.ts';

/** The tokens that ended before they expired, as far as this process has heard. Fed by events; forgets by itself. */
export interface Revocations {
  /** Ends every token of a user issued before `beforeMs` (password or role changed, account erased). The latest time counts. */
  revokeUser(userId: string, beforeMs: number): void;
  /** Ends every token of one session (logged out, refresh token reused). */
  revokeSession(sessionId: string): void;
  isRevoked(token: AccessToken): boolean;
  /** How many entries are held. */
  readonly size: number;
}

/** An empty set of revocations. An entry is dropped once every token that it could meet has expired. */
export function createRevocations({ clock }: { clock: Clock }): Revocations {
  const keepMs = (accessTokenLifetimeS + clockSkewS) * 1000;
  const users = new Map<string, Revocation>();
  const sessions = new Map<string, Revocation>();

  /** Puts the entry last, so that both maps stay ordered by the time at which they may forget. */
  function remember(map: Map<string, Revocation>, id: string, beforeMs: number): void {
    const nowMs = clock.nowMs();
    forget(map, nowMs);
    const earlier = map.get(id);
    map.delete(id);
    map.set(id, {
      beforeMs: Math.max(beforeMs, earlier?.beforeMs ?? 0),
      forgetAtMs: Math.max(beforeMs, nowMs) + keepMs,
    });
  }

  return {
    revokeUser: (userId, beforeMs) => remember(users, userId, beforeMs),
    revokeSession: (sessionId) => remember(sessions, sessionId, 0),
    isRevoked({ userId, sessionId, issuedAtMs }) {
      if (sessions.has(sessionId)) return true;
      const revocation = users.get(userId);
      return revocation !== undefined && issuedAtMs < revocation.beforeMs;
    },
    get size() {
      return users.size + sessions.size;
    },
  };
}

interface Revocation {
  readonly beforeMs: number;
  readonly forgetAtMs: number;
}

function forget(map: Map<string, Revocation>, nowMs: number): void {
  for (const [id, { forgetAtMs }] of map) {
    if (forgetAtMs > nowMs) return;
    map.delete(id);
  }
}
