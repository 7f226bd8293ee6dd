import { assert } from '@stoa/platform/errors';
import { columns, type StockRow } from './stock.ts';

/** A quantity of one SKU at one location. */
export interface Portion {
  readonly sku: string;
  readonly locationId: string;
  readonly quantity: number;
}

export interface LockedRow extends StockRow {
  readonly lowStockThreshold: number;
  readonly settingVersion: number;
}

export type Place = Pick<Portion, 'sku' | 'locationId'>;

/** What commands add to the columns of a row. */
export type CountChange = Pick<StockRow, 'onHand' | 'reserved' | 'returned' | 'sold'>;
export type StockChange = Place & CountChange;

type Draft = { -readonly [K in keyof LockedRow]: LockedRow[K] };

/**
 * The stock that a batch of commands has locked: every location of every SKU they name. What is done to it here is seen by the commands
 * behind, and written at the end in one statement.
 */
export class Shelf {
  readonly #before: readonly LockedRow[];
  readonly #rows: readonly Draft[];
  readonly #bySku: ReadonlyMap<string, readonly Draft[]>;

  /** @param rows in the order in which goods are taken from them */
  constructor(rows: readonly LockedRow[]) {
    this.#before = rows;
    this.#rows = rows.map((row) => ({ ...row }));
    this.#bySku = Map.groupBy(this.#rows, (row) => row.sku);
  }

  available(sku: string): number {
    return availableOf(this.#bySku.get(sku) ?? []);
  }

  /** Promises units to an order, from as many locations as it takes. The caller has looked that there are enough. */
  hold(sku: string, quantity: number): Portion[] {
    const portions: Portion[] = [];
    let missing = quantity;
    for (const row of this.#bySku.get(sku) ?? []) {
      const taken = Math.min(missing, row.onHand - row.reserved);
      if (taken <= 0) continue;
      row.reserved += taken;
      missing -= taken;
      portions.push({ sku, locationId: row.locationId, quantity: taken });
    }
    assert(missing === 0, `${quantity} of ${sku} were to be held, and ${missing} are missing`);
    return portions;
  }

  /** Lets units go that were held. */
  release({ quantity, ...at }: Portion): void {
    this.#at(at).reserved -= quantity;
  }

  /** Units that were held leave. */
  sell({ quantity, ...at }: Portion): void {
    const row = this.#at(at);
    row.reserved -= quantity;
    row.onHand -= quantity;
    row.sold += quantity;
  }

  /** Units come back from an order. */
  restock(at: Place, change: CountChange): void {
    const row = this.#at(at);
    row.onHand += change.onHand;
    row.reserved += change.reserved;
    row.returned += change.returned;
    row.sold += change.sold;
  }

  /** What has changed, row by row. */
  changes(): StockChange[] {
    return this.#rows.flatMap((row, at) => {
      const before = this.#before[at] as LockedRow;
      if (columns.every((column) => row[column] === before[column])) return [];
      return {
        sku: row.sku,
        locationId: row.locationId,
        onHand: row.onHand - before.onHand,
        reserved: row.reserved - before.reserved,
        returned: row.returned - before.returned,
        sold: row.sold - before.sold,
      };
    });
  }

  /** SKUs that have changed, with how much of them was available before and is now. */
  changedSkus(): ChangedSku[] {
    const changes = Map.groupBy(this.changes(), (change) => change.sku);
    const before = Map.groupBy(this.#before, (row) => row.sku);
    return [...changes].map(([sku, rows]) => {
      const was = before.get(sku) as readonly LockedRow[];
      const { lowStockThreshold, settingVersion } = was[0] as LockedRow;
      return {
        sku,
        availableBefore: availableOf(was),
        available: this.available(sku),
        lowStockThreshold,
        // As stockOf counts it: each changed row is a version on.
        version: was.reduce((sum, row) => sum + row.version, settingVersion) + rows.length,
      };
    });
  }

  #at({ sku, locationId }: Place): Draft {
    const row = this.#bySku.get(sku)?.find((one) => one.locationId === locationId);
    assert(row, `${sku} at ${locationId} is held by an order and has no stock`);
    return row;
  }
}

export interface ChangedSku {
  readonly sku: string;
  readonly availableBefore: number;
  readonly available: number;
  readonly lowStockThreshold: number;
  readonly version: number;
}

/** Whether a SKU has run out, come back, or got low or plentiful. */
export function crossesLimit({ availableBefore, available, lowStockThreshold }: ChangedSku): boolean {
  return (
    (availableBefore === 0) !== (available === 0) ||
    availableBefore <= lowStockThreshold !== available <= lowStockThreshold
  );
}

function availableOf(rows: readonly StockRow[]): number {
  return rows.reduce((sum, row) => sum + row.onHand - row.reserved, 0);
}
