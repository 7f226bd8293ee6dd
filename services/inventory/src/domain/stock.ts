import type { Stock } from '@stoa/contracts/inventory';
import { refusal } from '@stoa/platform/errors';

/** Units of a SKU at one location, by what has become of them. */
export interface Counts {
  readonly onHand: number;
  readonly reserved: number;
  readonly received: number;
  readonly returned: number;
  readonly adjusted: number;
  readonly sold: number;
  readonly damaged: number;
}

export interface StockRow extends Counts {
  readonly sku: string;
  readonly locationId: string;
  readonly version: number;
}

/** A SKU's setting; absent where nobody has changed it. */
export interface SkuSetting {
  readonly lowStockThreshold: number;
  readonly version: number;
}

export const mainLocation = 'main';

const settingDefault: SkuSetting = { lowStockThreshold: 5, version: 0 };

/** Threshold of SKUs that have no setting of their own. */
export const lowStockThresholdDefault = settingDefault.lowStockThreshold;

/** The stock of one SKU out of its rows, which come in the order in which goods are taken from them. */
export function stockOf(sku: string, rows: readonly StockRow[], setting: SkuSetting = settingDefault): Stock {
  const locations = rows.map(({ locationId, sku: _, version: __, ...counts }) => ({
    locationId,
    ...withAvailable(counts),
  }));
  return {
    sku,
    ...withAvailable(total(rows)),
    lowStockThreshold: setting.lowStockThreshold,
    locations,
    // Every change raises one of the parts, so that the sum rises with every change.
    version: rows.reduce((sum, row) => sum + row.version, setting.version),
  };
}

function withAvailable({ onHand, reserved, received, returned, adjusted, sold, damaged }: Counts) {
  return { available: onHand - reserved, onHand, reserved, received, returned, adjusted, sold, damaged };
}

function total(rows: readonly Counts[]): Counts {
  const sum = { onHand: 0, reserved: 0, received: 0, returned: 0, adjusted: 0, sold: 0, damaged: 0 };
  for (const row of rows) for (const column of columns) sum[column] += row[column];
  return sum;
}

export const columns = ['onHand', 'reserved', 'received', 'returned', 'adjusted', 'sold', 'damaged'] as const;

export function noSuchStock(sku: string): Error {
  return refusal('inventory.not-found', `${sku} was never stocked.`);
}
