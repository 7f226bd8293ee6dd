import { type AppError, refusal, type Violation } from '@stoa/platform/errors';

export function noSuchProduct(): AppError {
  return refusal('product.not-found', 'There is no product with this id or slug.');
}

export function noSuchCategory(): AppError {
  return refusal('category.not-found', 'There is no category with this id.');
}

export function slugTaken(): AppError {
  return refusal('product.slug-taken', 'Another product has this slug.');
}

export function skusTaken(skus: readonly string[]): AppError {
  return refusal('product.sku-taken', `Another product has, or once had, the SKU ${skus.slice(0, 20).join(', ')}.`);
}

export function contradictingVariants(errors: readonly Violation[]): AppError {
  return refusal('request.invalid', 'The variants contradict each other.', { errors });
}
