import type { Product, ProductPatch, productContract } from '@stoa/contracts/product';
import { requireMatch } from '@stoa/platform/http';
import { newId } from '@stoa/platform/ids';
import type { Answer, Call, Handler, Service } from '@stoa/platform/service';
import { changeProduct as change, type StoredProduct, variantViolations } from '../domain/product.ts';
import { contradictingVariants, noSuchProduct } from '../domain/refusals.ts';
import { lockProducts } from '../store/product-rows.ts';
import { lostItsCategory, refusalOfTaken } from './refuse-taken.ts';
import { resolvedCategory } from './resolve-categories.ts';
import { saveAndTell } from './save-and-tell.ts';

type ChangeProduct = typeof productContract.operations.changeProduct;

export const changeProduct: Handler<ChangeProduct> = (call, service) => changeOnce(call, service, 1);

const attemptsMax = 5;

async function changeOnce(call: Call<ChangeProduct>, service: Service, attempt: number): Promise<Answer<Product>> {
  const { variants } = call.body;
  const contradictions = variants ? variantViolations(variants) : [];
  if (contradictions.length > 0) throw contradictingVariants(contradictions);
  try {
    const { product } = await applyChange(call, service, call.body);
    return { body: product, version: product.version };
  } catch (error) {
    if (lostItsCategory(error) && attempt < attemptsMax) return changeOnce(call, service, attempt + 1);
    const skus = variants?.map(({ sku }) => sku.toUpperCase()) ?? [];
    throw (await refusalOfTaken(error, service.db, { id: call.params.id, skus })) ?? error;
  }
}

type Addressed = Pick<Call, 'cause' | 'ifMatch'> & { readonly params: { readonly id: string } };

/** Changes the product that a request names, if it is still the one the caller has read. The row stays locked until the change is written. */
export function applyChange(call: Addressed, service: Service, patch: ProductPatch): Promise<StoredProduct> {
  return service.db.transaction(async (tx) => {
    const [stored] = await lockProducts(tx, [call.params.id]);
    if (stored === undefined) throw noSuchProduct();
    requireMatch(call, stored.product.version);
    const resolved = { ...patch, ...(await resolvedCategory(tx, patch.category)) };
    const after = change(stored, resolved, { now: service.clock.now(), newId });
    if (after !== stored) await saveAndTell(service, tx, { created: [], changed: [after], cause: call.cause });
    return after;
  });
}
