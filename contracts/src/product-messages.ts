import { event, IdText, Instant, Metadata, oneOf, strict, Type } from '@stoa/platform/schema';

/** A product was made, changed or archived. Says which copies are stale, and what its integrator keeps with it; whoever needs the rest asks. */
const productChanged = event(
  'product.changed.v1',
  strict({
    productId: IdText,
    slug: Type.String(),
    status: oneOf(['draft', 'active', 'archived']),
    skus: Type.Array(Type.String()),
    version: Type.Integer(),
    changedAt: Instant,
    // What is empty is left out, and senders of earlier versions leave out all of it.
    metadata: Type.Optional(Metadata),
    variants: Type.Optional(Type.Array(strict({ sku: Type.String(), metadata: Metadata }))),
  }),
);

export const productEvents = { productChanged };
