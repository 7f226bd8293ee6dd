import { newId } from '@stoa/platform/ids';
import type { Cause } from '@stoa/platform/schema';
import type { Service } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import { type ImportItem, type ImportPlan, type KnownCatalogue, planImport } from '../../domain/import-plan.ts';
import { slugChoices } from '../../domain/slug.ts';
import { lockProducts, ownersOfSkus, ownersOfSlugs } from '../../store/product-rows.ts';
import { wasOvertaken } from '../refuse-taken.ts';
import { resolveCategories } from '../resolve-categories.ts';
import { saveAndTell } from '../save-and-tell.ts';

export interface BatchOptions {
  readonly dryRun: boolean;
  readonly cause: Cause;
}

const attemptsMax = 5;

/** Imports a batch of products in one transaction; with `dryRun`, only says what would happen. */
export async function importBatch(
  service: Service,
  items: readonly ImportItem[],
  options: BatchOptions,
  attempt = 1,
): Promise<ImportPlan> {
  try {
    return await service.db.transaction(async (tx) => {
      const known = await whatIsKnown(tx, items, !options.dryRun);
      const plan = planImport(items, known, { now: service.clock.now(), newId });
      if (!options.dryRun) await saveAndTell(service, tx, { ...plan, cause: options.cause });
      return plan;
    });
  } catch (error) {
    // Somebody made one of these products meanwhile: the next look finds it, and changes it instead.
    if (wasOvertaken(error) && attempt < attemptsMax) return importBatch(service, items, options, attempt + 1);
    throw error;
  }
}

async function whatIsKnown(tx: Tx, items: readonly ImportItem[], makeCategories: boolean): Promise<KnownCatalogue> {
  const skus = items.flatMap(({ product }) => product.variants.map(({ sku }) => sku.toUpperCase()));
  const given = items.flatMap(({ product }) => product.slug ?? []);
  const categories = items.flatMap(({ product }) => product.category ?? []);
  const [ownersBySku, ownersBySlug, known] = await Promise.all([
    ownersOfSkus(tx, skus),
    ownersOfSlugs(tx, [...given, ...items.flatMap(choicesOf)]),
    resolveCategories(tx, categories, makeCategories),
  ]);
  const ids = new Set([...ownersBySku.values(), ...given.flatMap((slug) => ownersBySlug.get(slug) ?? [])]);
  const products = ids.size === 0 ? [] : await lockProducts(tx, [...ids].sort());
  return { products, slugs: new Set(ownersBySlug.keys()), categories: known };
}

/** The slugs that a product without one may get; the last choice is free whatever its id will be. */
function choicesOf({ product }: ImportItem): string[] {
  if (product.slug !== undefined || product.title === undefined) return [];
  return slugChoices({ title: product.title, sku: product.variants[0]?.sku ?? '', id: '' }).slice(0, 2);
}
