import type { Sql } from '../sql/index.ts';
import { heldMs, renewHolds } from './record.ts';

/**
 * The keys that requests of this process are working on. The rows of those that are theirs to answer are held, all of them in one statement a second: only
 * those, or whoever keeps asking after a process that died would hold its key for ever.
 */
export class Holds {
  readonly #sql: Sql;
  readonly #scopes = new Set<string>();
  readonly #owned = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  has(scope: string): boolean {
    return this.#scopes.has(scope);
  }

  add(scope: string): void {
    this.#scopes.add(scope);
  }

  /** Holds the row of a key, which this process has made or taken over. */
  own(scope: string): void {
    this.#owned.add(scope);
    this.#timer ??= setInterval(() => this.#renew(), heldMs / 3).unref();
  }

  delete(scope: string): void {
    this.#scopes.delete(scope);
    this.#owned.delete(scope);
  }

  #renew(): void {
    if (this.#owned.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    // A hold that could not be renewed runs out; the request still answers, and whoever fixes the answer first decides.
    renewHolds(this.#sql, [...this.#owned]).catch(() => undefined);
  }
}
