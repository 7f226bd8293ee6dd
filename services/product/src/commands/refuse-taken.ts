import { refusal } from '@stoa/platform/errors';
import { type Database, sqlState, violatedConstraint } from '@stoa/platform/sql';
import { ownersOfSkus } from '../store/product-rows.ts';

const uniqueViolation = '23505';
const foreignKeyViolation = '23503';

/** Whether somebody else took a slug, a SKU or away a category between our look and our write: looking again tells. */
export function wasOvertaken(error: unknown): boolean {
  return [uniqueViolation, foreignKeyViolation].includes(sqlState(error) ?? '');
}

/** What to say to a merchandiser whose product could not be saved: that its SKU or slug is taken; any other error as it is. */
export async function refusalOfTaken(error: unknown, db: Database, product: { id?: string; skus: readonly string[] }): Promise<unknown> {
  if (sqlState(error) !== uniqueViolation) return error;
  const constraint = violatedConstraint(error);
  if (constraint === 'product_slug_taken') return refusal('product.slug-taken', 'Another product has this slug.');
  if (constraint !== 'product_sku_taken') return error;
  const owners = await ownersOfSkus(db, product.skus);
  const taken = [...owners].filter(([, owner]) => owner !== product.id).map(([sku]) => sku);
  return refusal('product.sku-taken', `Another product has, or had, the SKU ${taken.join(', ')}.`);
}
