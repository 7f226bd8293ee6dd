import type { Sql } from '@stoa/platform/sql';
import type { OrderState } from './domain/order.ts';

interface Watch {
  readonly version: number;
  readonly wake: (state?: OrderState) => void;
}

const lookEveryMs = 250;

/**
 * Tells waiting requests that an order has changed: at once for changes committed in this process, and within a quarter of a second for those of
 * others. One read serves all who wait.
 */
export class OrderChanges {
  readonly #sql: Sql;
  readonly #watches = new Map<string, Set<Watch>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** An order has changed, and this is how it stands now. */
  announce(state: OrderState): void {
    for (const watch of this.#watches.get(state.id) ?? []) if (state.version > watch.version) watch.wake(state);
  }

  /**
   * Resolves when the order is past the version, when the time is up, or when nobody waits any more. With the state where it is known without
   * asking the database.
   */
  async next(
    orderId: string,
    version: number,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<OrderState | undefined> {
    if (timeoutMs <= 0 || signal.aborted) return undefined;
    const watches = this.#watches.get(orderId) ?? new Set();
    this.#watches.set(orderId, watches);
    this.#timer ??= setInterval(() => void this.#look(), lookEveryMs);
    let watch: Watch | undefined;
    let timer: NodeJS.Timeout | undefined;
    let wake: Watch['wake'] = () => undefined;
    const giveUp = () => wake();
    try {
      return await new Promise((resolve) => {
        wake = resolve;
        watch = { version, wake };
        watches.add(watch);
        timer = setTimeout(giveUp, timeoutMs);
        signal.addEventListener('abort', giveUp, { once: true });
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      if (watch) watches.delete(watch);
      if (watches.size === 0) this.#watches.delete(orderId);
      if (this.#watches.size === 0) this.close();
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    try {
      const rows = await this.#sql.query<{ id: string; version: number }>(
        'select id, version from orders where id = any($1::uuid[])',
        [[...this.#watches.keys()]],
      );
      for (const { id, version } of rows) {
        for (const watch of this.#watches.get(id) ?? []) if (version > watch.version) watch.wake();
      }
    } catch {
      // The database is away; the next look asks again.
    }
  }
}
