import type { AdjustmentInput } from '@stoa/contracts/inventory';
import type { Violation } from '@stoa/platform/errors';

/** Why an adjustment cannot be: only a correction goes below zero, and none is of nothing. */
export function violationOf({ kind, quantity }: AdjustmentInput): Violation | undefined {
  if (quantity === 0) return { path: '/quantity', message: 'must not be 0' };
  if (quantity < 0 && kind !== 'adjusted') return { path: '/quantity', message: `must be at least 1 for ${kind}` };
  return undefined;
}

/** What an adjustment adds to the units on hand. */
export function onHandChange({ kind, quantity }: Pick<AdjustmentInput, 'kind' | 'quantity'>): number {
  return kind === 'damaged' ? -quantity : quantity;
}
