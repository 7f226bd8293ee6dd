import type { Product } from '@stoa/contracts/product';
import { productEvents } from '@stoa/contracts/product-messages';
import type { Cause } from '@stoa/platform/schema';
import type { Service } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import type { StoredProduct } from '../domain/product.ts';
import { forgetProducts } from '../kept-products.ts';
import { saveProducts } from '../store/product-rows.ts';

/** Writes new and changed products, and tells everybody that they changed; what is shown of them is forgotten. */
export async function saveAndTell(
  service: Service,
  tx: Tx,
  { created, changed, cause }: { created: readonly StoredProduct[]; changed: readonly StoredProduct[]; cause: Cause },
): Promise<void> {
  for (const stored of [...created, ...changed]) {
    service.publish(tx, productEvents.productChanged, {
      key: stored.product.id,
      payload: changedPayload(stored),
      cause,
    });
  }
  forgetProducts(
    service,
    tx,
    changed.map(({ product }) => product.id),
  );
  await saveProducts(tx, created, changed);
}

function changedPayload({ product, removed }: StoredProduct) {
  const { id, slug, status, version, updatedAt, metadata }: Product = product;
  // Removed variants have changed too: copies of their prices are stale.
  const skus = [...product.variants, ...removed].map((variant) => variant.sku);
  const variants = product.variants
    .filter((variant) => !isEmpty(variant.metadata))
    .map((variant) => ({ sku: variant.sku, metadata: variant.metadata }));
  return {
    productId: id,
    slug,
    status,
    skus,
    version,
    changedAt: updatedAt,
    ...(!isEmpty(metadata) && { metadata }),
    ...(variants.length > 0 && { variants }),
  };
}

function isEmpty(metadata: Readonly<Record<string, string>>): boolean {
  return Object.keys(metadata).length === 0;
}
