import type { Sql } from '@stoa/platform/sql';

const blockSize = 100;

/** Order numbers: unique, with gaps, rising within a process. Taken from the database a block at a time, so those of two processes mix. */
export class OrderNumbers {
  readonly #sql: Sql;
  #next = 0;
  #end = 0;
  #taking: Promise<void> | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  async take(): Promise<string> {
    while (this.#next >= this.#end) {
      this.#taking ??= this.#takeBlock().finally(() => {
        this.#taking = undefined;
      });
      await this.#taking;
    }
    return String(this.#next++);
  }

  async #takeBlock(): Promise<void> {
    const [row] = await this.#sql.query<{ block: number }>(`select nextval('order_number_block') as block`, []);
    this.#next = (row as { block: number }).block * blockSize;
    this.#end = this.#next + blockSize;
  }
}
