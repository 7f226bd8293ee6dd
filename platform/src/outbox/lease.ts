import { randomUUID } from 'node:crypto';
import type { Database } from '../sql/index.ts';

/** How long a holder that has died keeps others waiting. */
const heldMs = 3_000;

const take = `
insert into kit.lease (name, holder, held_until) values ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
on conflict (name) do update set holder = excluded.holder, held_until = excluded.held_until
where kit.lease.holder = excluded.holder or kit.lease.held_until < clock_timestamp()
returning name`;

/** A right that one process a database has at a time, renewed while it lives. Timed by the database's clock. */
export class Lease {
  readonly #db: Database;
  readonly #name: string;
  readonly #holder = randomUUID();
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
  #heldUntilMs = 0;
  readonly #onTaken: () => void;

  constructor(db: Database, name: string, onTaken: () => void) {
    this.#db = db;
    this.#name = name;
    this.#onTaken = onTaken;
  }

  /** Whether this process holds it now. */
  get held(): boolean {
    return performance.now() < this.#heldUntilMs;
  }

  start(): void {
    const renew = () => {
      this.#renewing = this.#renew().finally(() => {
        if (this.#timer !== undefined) this.#timer = setTimeout(renew, heldMs / 3);
      });
    };
    this.#timer = setTimeout(renew, 0);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#renewing;
    this.#heldUntilMs = 0;
    await this.#db
      .query('delete from kit.lease where name = $1 and holder = $2', [this.#name, this.#holder])
      .catch(() => undefined);
  }

  async #renew(): Promise<void> {
    let askedAtMs = 0;
    try {
      // It counts from when there is a connection to ask on: waiting for one may take longer than it lasts.
      const rows = await this.#db.transaction((tx) => {
        askedAtMs = performance.now();
        return tx.query(take, [this.#name, this.#holder, heldMs]);
      });
      const before = this.held;
      this.#heldUntilMs = rows.length > 0 ? askedAtMs + heldMs : 0;
      if (!before && this.held) this.#onTaken();
    } catch {
      // Not renewed: it runs out by itself, and the next turn asks again.
    }
  }
}
