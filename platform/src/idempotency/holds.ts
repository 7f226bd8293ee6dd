import type { Sql } from '../sql/index.ts';
import { heldMs, renewHolds } from './record.ts';

/** The keys that requests of this process are working on: their rows are held, all of them in one statement a second, until each is answered. */
export class Holds {
  readonly #sql: Sql;
  readonly #scopes = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  has(scope: string): boolean {
    return this.#scopes.has(scope);
  }

  add(scope: string): void {
    this.#scopes.add(scope);
    this.#timer ??= setInterval(() => this.#renew(), heldMs / 3).unref();
  }

  delete(scope: string): void {
    this.#scopes.delete(scope);
  }

  #renew(): void {
    if (this.#scopes.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    // A hold that could not be renewed runs out; the request still answers, and whoever fixes the answer first decides.
    renewHolds(this.#sql, [...this.#scopes]).catch(() => undefined);
  }
}
