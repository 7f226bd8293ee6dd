import { generateSigningKey, SigningKeys } from '@stoa/platform/auth';
import type { Database } from '@stoa/platform/sql';
import type { Clock } from '@stoa/platform/time';
import { lockSubject } from './store/locks.ts';
import { insertSigningKey, readSigningKeys } from './store/signing-keys.ts';

/** A new key is published for ten minutes before it signs, so reading the table once a minute never comes too late. */
const rereadAfterMs = 60_000;

/** The signing keys in the database, as this process last saw them. */
export class KeyRing {
  readonly #db: Database;
  readonly #clock: Clock;
  #keys: SigningKeys;
  #readAtMs: number;

  private constructor(db: Database, clock: Clock, keys: SigningKeys) {
    this.#db = db;
    this.#clock = clock;
    this.#keys = keys;
    this.#readAtMs = clock.nowMs();
  }

  /** Reads the keys; makes the first one when there is none. Of several processes that start at once, one makes it. */
  static async open(db: Database, clock: Clock): Promise<KeyRing> {
    const stored = await readSigningKeys(db);
    const keys = stored.length > 0 ? stored : await makeFirstKey(db, clock);
    return new KeyRing(db, clock, await SigningKeys.open(keys));
  }

  /** The keys, not older than a minute; older ones while the database is away. */
  async current(): Promise<SigningKeys> {
    if (Math.abs(this.#clock.nowMs() - this.#readAtMs) >= rereadAfterMs) {
      this.#readAtMs = this.#clock.nowMs();
      this.#keys = await readSigningKeys(this.#db)
        .then((stored) => SigningKeys.open(stored))
        .catch(() => this.#keys);
    }
    return this.#keys;
  }
}

async function makeFirstKey(db: Database, clock: Clock): Promise<string[]> {
  const key = await generateSigningKey({ clock, activeInS: 0 });
  return db.transaction(async (tx) => {
    await lockSubject(tx, 'signing-keys');
    const stored = await readSigningKeys(tx);
    if (stored.length > 0) return stored;
    await insertSigningKey(tx, key);
    return [key];
  });
}
