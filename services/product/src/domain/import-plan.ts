import type { ImportedProduct, ProductInput, VariantInput } from '@stoa/contracts/product';
import { changeProduct, createProduct, type Making, type StoredProduct, variantViolations } from './product.ts';
import { slugChoices } from './slug.ts';

/** One product of a file. `lines` says where each of its variants stood. */
export interface ImportItem {
  readonly product: ImportedProduct;
  readonly lines: readonly number[];
}

/** A row that is not imported, and why. */
export interface RejectedRow {
  readonly line: number;
  readonly sku: string | null;
  readonly reason: string;
}

/** What the catalogue holds of the products of a batch. */
export interface KnownCatalogue {
  /** Those that have one of its SKUs or slugs, and no others. */
  readonly products: readonly StoredProduct[];
  /** Slugs that are taken, of those the batch names or might choose. */
  readonly slugs: ReadonlySet<string>;
  /** Slugs of categories by the names that the batch uses; an id that does not exist is absent. */
  readonly categories: ReadonlyMap<string, string>;
}

export interface ImportPlan {
  readonly created: readonly StoredProduct[];
  readonly changed: readonly StoredProduct[];
  readonly rejected: readonly RejectedRow[];
  readonly counts: { readonly created: number; readonly updated: number; readonly unchanged: number };
}

const variantsMax = 100;

/** What a batch of a file does to the catalogue. A later item sees what the earlier ones did. */
export function planImport(items: readonly ImportItem[], known: KnownCatalogue, making: Making): ImportPlan {
  const plan = new Planning(known, making);
  for (const item of items) plan.take(item);
  return plan.ended();
}

class Planning {
  readonly #making: Making;
  readonly #categories: ReadonlyMap<string, string>;
  readonly #before = new Map<string, StoredProduct>();
  readonly #products = new Map<string, StoredProduct>();
  readonly #idOfSku = new Map<string, string>();
  readonly #idOfSlug = new Map<string, string>();
  readonly #takenSlugs: Set<string>;
  /** Slugs that a product has in the database until this batch is written: no other can be given one with it. */
  readonly #freed = new Set<string>();
  readonly #rejected: RejectedRow[] = [];
  readonly #counts = { created: 0, updated: 0, unchanged: 0 };

  constructor(known: KnownCatalogue, making: Making) {
    this.#making = making;
    this.#categories = known.categories;
    this.#takenSlugs = new Set(known.slugs);
    for (const stored of known.products) {
      this.#before.set(stored.product.id, stored);
      this.#keep(stored);
    }
  }

  take(item: ImportItem): void {
    const reason = this.#place(item);
    if (reason !== undefined) {
      for (const [at, { sku }] of item.product.variants.entries()) this.#rejectVariant(item, at, sku, reason);
    }
  }

  ended(): ImportPlan {
    const created: StoredProduct[] = [];
    const changed: StoredProduct[] = [];
    for (const [id, stored] of this.#products) {
      const before = this.#before.get(id);
      // Several items may have changed it; for everybody else it is one change.
      const version = (before?.product.version ?? 0) + 1;
      if (before === undefined) created.push({ ...stored, product: { ...stored.product, version } });
      else if (stored !== before) changed.push({ ...stored, product: { ...stored.product, version } });
    }
    return { created, changed, rejected: this.#rejected, counts: this.#counts };
  }

  /** Creates or changes the product of an item; or says why it cannot be done. */
  #place(item: ImportItem): string | undefined {
    const { slug, category, variants } = item.product;
    const owners = variants.map(({ sku }) => this.#idOfSku.get(sku.toUpperCase())).filter((id) => id !== undefined);
    if (new Set(owners).size > 1) return 'its SKUs belong to different products';
    if (category != null && !this.#categories.has(category)) return 'category is no id of a category';
    const bySlug = slug === undefined ? undefined : this.#idOfSlug.get(slug);
    const id = owners[0] ?? bySlug;
    if (bySlug !== undefined && bySlug !== id) return 'slug belongs to another product';
    if (slug !== undefined && this.#freed.has(slug) && this.#before.get(id ?? '')?.product.slug !== slug)
      return 'slug belongs to a product that this file gives another one: import this line again';
    const stored = id === undefined ? undefined : this.#products.get(id);
    return stored === undefined ? this.#create(item) : this.#change(item, stored);
  }

  #create(item: ImportItem): string | undefined {
    const { title } = item.product;
    if (title === undefined) return 'title is missing, and there is no product with this SKU';
    const { priced: variants, unpriced } = priced(item);
    const [first] = variants;
    if (first !== undefined) {
      const id = this.#making.newId();
      const slug = item.product.slug ?? this.#freeSlug(title, first.sku, id);
      const input: ProductInput & { slug: string } = {
        ...item.product,
        ...this.#category(item),
        title,
        slug,
        variants,
      };
      this.#keep(createProduct(input, id, this.#making));
      this.#counts.created++;
    }
    this.#rejectUnpriced(item, unpriced);
    return undefined;
  }

  #change(item: ImportItem, stored: StoredProduct): string | undefined {
    const known = new Map([...stored.removed, ...stored.product.variants].map((variant) => [variant.sku, variant]));
    const { priced: given, unpriced } = priced(item, known);
    if (given.length > 0) {
      const merged = new Map<string, VariantInput>(stored.product.variants.map((variant) => [variant.sku, variant]));
      for (const variant of given) merged.set(variant.sku, variant);
      if (merged.size > variantsMax) return `the product would have more than ${variantsMax} variants`;
      const variants = [...merged.values()];
      const [violation] = variantViolations(variants);
      if (violation) return `with what is known, ${violation.path} ${violation.message}`;
      const after = changeProduct(stored, { ...item.product, ...this.#category(item), variants }, this.#making);
      if (after === stored) this.#counts.unchanged++;
      else {
        this.#keep(after);
        this.#counts.updated++;
      }
    }
    this.#rejectUnpriced(item, unpriced);
    return undefined;
  }

  #rejectUnpriced(item: ImportItem, places: readonly number[]): void {
    for (const at of places) {
      const sku = item.product.variants[at]?.sku ?? '';
      this.#rejectVariant(item, at, sku, 'price is missing, and there is no variant with this SKU');
    }
  }

  #rejectVariant({ lines }: ImportItem, at: number, sku: string, reason: string): void {
    this.#rejected.push({ line: lines[at] as number, sku: sku.toUpperCase(), reason });
  }

  #category({ product }: ImportItem): { category?: string | null } {
    if (product.category === undefined) return {};
    return { category: product.category === null ? null : (this.#categories.get(product.category) as string) };
  }

  #freeSlug(title: string, sku: string, id: string): string {
    const choices = slugChoices({ title, sku, id });
    return choices.find((slug) => !this.#takenSlugs.has(slug)) ?? (choices.at(-1) as string);
  }

  #keep(stored: StoredProduct): void {
    const { id, slug, variants } = stored.product;
    const before = this.#products.get(id);
    if (before && before.product.slug !== slug) {
      this.#idOfSlug.delete(before.product.slug);
      this.#freed.add(before.product.slug);
    }
    this.#freed.delete(slug);
    this.#products.set(id, stored);
    this.#idOfSlug.set(slug, id);
    this.#takenSlugs.add(slug);
    for (const variant of [...variants, ...stored.removed]) this.#idOfSku.set(variant.sku, id);
  }
}

/** The variants of an item, each completed by what is known of it, and the places of those that are left without a price. */
function priced({ product }: ImportItem, known: ReadonlyMap<string, VariantInput> = new Map()) {
  const variants: VariantInput[] = [];
  const unpriced: number[] = [];
  product.variants.forEach((given, at) => {
    const sku = given.sku.toUpperCase();
    const price = given.price ?? known.get(sku)?.price;
    if (price) variants.push({ ...known.get(sku), ...given, sku, price });
    else unpriced.push(at);
  });
  return { priced: variants, unpriced };
}
