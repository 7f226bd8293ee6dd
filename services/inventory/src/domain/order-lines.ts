import type { Shelf } from './shelf.ts';

/** The lines of one order by SKU, in upper case: two lines of one SKU are one quantity. */
export function sumLines(lines: readonly { readonly sku: string; readonly quantity: number }[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { sku, quantity } of lines) {
    const key = sku.toUpperCase();
    sums.set(key, (sums.get(key) ?? 0) + quantity);
  }
  return sums;
}

/** The first SKU of which there is less than is asked for. */
export function firstShortage(
  asked: ReadonlyMap<string, number>,
  shelf: Pick<Shelf, 'available'>,
): { sku: string; asked: number; available: number } | undefined {
  for (const [sku, quantity] of asked) {
    const available = shelf.available(sku);
    if (available < quantity) return { sku, asked: quantity, available };
  }
  return undefined;
}
