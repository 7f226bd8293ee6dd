import { event, IdText, Instant, oneOf, strict, Type } from '@stoa/platform/schema';

/** A product was made, changed or archived. Says which copies are stale; whoever needs the rest asks. */
const productChanged = event(
  'product.changed.v1',
  strict({
    productId: IdText,
    slug: Type.String(),
    status: oneOf(['draft', 'active', 'archived']),
    skus: Type.Array(Type.String()),
    version: Type.Integer(),
    changedAt: Instant,
  }),
);

export const productEvents = { productChanged };
