import { type Database, sqlState, violatedConstraint } from '@stoa/platform/sql';
import { skusTaken, slugTaken } from '../domain/refusals.ts';
import { ownersOfSkus } from '../store/product-rows.ts';

const uniqueViolation = '23505';
const foreignKeyViolation = '23503';

/** Whether somebody else took a slug, a SKU or away a category between our look and our write: looking again tells. */
export function wasOvertaken(error: unknown): boolean {
  return [uniqueViolation, foreignKeyViolation].includes(sqlState(error) ?? '');
}

/** Whether a category was deleted between our look and our write: looking again makes it anew, or says that it is gone. */
export function lostItsCategory(error: unknown): boolean {
  return violatedConstraint(error) === 'product_category_in_use';
}

/** What to say to a merchandiser whose product could not be saved: that its SKU or slug is taken; undefined when it is something else. */
export async function refusalOfTaken(
  error: unknown,
  db: Database,
  product: { id?: string; skus: readonly string[] },
): Promise<Error | undefined> {
  const constraint = violatedConstraint(error);
  if (constraint === 'product_slug_taken') return slugTaken();
  if (constraint !== 'product_sku_taken') return undefined;
  const owners = await ownersOfSkus(db, product.skus);
  return skusTaken([...owners].filter(([, owner]) => owner !== product.id).map(([sku]) => sku));
}
