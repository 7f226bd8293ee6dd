import { findAppError, refusal } from '../errors/index.ts';
import type { Cause, Principal, Role } from '../schema/index.ts';
import type { Clock } from '../time/index.ts';
import { hashSecret } from './secret.ts';

/** A machine's key as the user service knows it. */
export interface KnownKey {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
}

export interface ApiKeys {
  known(token: string): Principal | undefined;
  /** @throws AppError `auth.invalid`, or what asking failed with */
  verify(token: string, cause: Cause): Promise<Principal>;
  /** A key that is no longer good. */
  revoke(keyId: string): void;
}

interface Entry {
  /** Undefined for keys that nobody has. */
  readonly principal: Principal | undefined;
  readonly untilMs: number;
}

const goodMs = 30_000;
/** Short, for the key may be made the next moment; long enough that a wrong one in a loop costs the user service little. */
const badMs = 2_000;
const entriesMax = 2_000;

/**
 * Knows machines' keys by their hash, asked of the user service and kept for half a minute. Whoever asks for one key at the same time shares
 * one question.
 *
 * @param ask finds a key by its hash; throws `api-key.not-found`
 */
export function createApiKeys(ask: (hash: string, cause: Cause) => Promise<KnownKey>, clock: Clock): ApiKeys {
  const entries = new Map<string, Entry>();
  const asking = new Map<string, Promise<Principal>>();

  async function look(token: string, cause: Cause): Promise<Principal> {
    const principal = await ask(hashSecret(token), cause).then(
      ({ id, name, role }): Principal => Object.freeze({ kind: 'key', keyId: id, name, role }),
      (error: unknown) => {
        if (findAppError(error)?.code !== 'api-key.not-found') throw error;
        return undefined;
      },
    );
    if (entries.size >= entriesMax) entries.delete(entries.keys().next().value as string);
    entries.set(token, { principal, untilMs: clock.nowMs() + (principal === undefined ? badMs : goodMs) });
    return principal ?? invalid();
  }

  function entryOf(token: string): Entry | undefined {
    const entry = entries.get(token);
    if (entry === undefined || entry.untilMs > clock.nowMs()) return entry;
    entries.delete(token);
    return undefined;
  }

  return {
    known: (token) => entryOf(token)?.principal,
    async verify(token, cause) {
      const entry = entryOf(token);
      if (entry !== undefined) return entry.principal ?? invalid();
      const running = asking.get(token);
      if (running !== undefined) return running;
      const looking = look(token, cause).finally(() => asking.delete(token));
      asking.set(token, looking);
      return looking;
    },
    revoke(keyId) {
      for (const [token, { principal }] of entries) {
        if (principal?.kind === 'key' && principal.keyId === keyId) entries.delete(token);
      }
    },
  };
}

function invalid(): never {
  throw refusal('auth.invalid', 'The token is not valid.');
}
