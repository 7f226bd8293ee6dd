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
    const { slug, category, variants } = item.product;
    const owners = new Set(variants.map(({ sku }) => this.#idOfSku.get(sku.toUpperCase())).filter((id) => id !== undefined));
    if (owners.size > 1) return this.#reject(item, 'its SKUs belong to different products');
    if (category != null && !this.#categories.has(category)) return this.#reject(item, 'category is no id of a category');
    const bySlug = slug === undefined ? undefined : this.#idOfSlug.get(slug);
    const id = [...owners][0] ?? bySlug;
    if (bySlug !== undefined && bySlug !== id) return this.#reject(item, 'slug belongs to another product');
    const stored = id === undefined ? undefined : this.#products.get(id);
    if (stored === undefined) this.#create(item);
    else this.#change(item, stored);
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

  #create(item: ImportItem): void {
    const { title } = item.product;
    if (title === undefined) return this.#reject(item, 'title is missing, and there is no product with this SKU');
    const variants = this.#priced(item);
    const [first] = variants;
    if (first === undefined) return;
    const id = this.#making.newId();
    const slug = item.product.slug ?? this.#freeSlug(title, first.sku, id);
    const input: ProductInput & { slug: string } = { ...item.product, ...this.#category(item), title, slug, variants };
    this.#keep(createProduct(input, id, this.#making));
    this.#counts.created++;
  }

  #change(item: ImportItem, stored: StoredProduct): void {
    const known = new Map(stored.product.variants.map((variant) => [variant.sku, variant]));
    const gone = new Map(stored.removed.map((variant) => [variant.sku, variant]));
    const given = this.#priced(item, (sku) => known.get(sku) ?? gone.get(sku));
    if (given.length === 0) return;
    const merged = new Map<string, VariantInput>(known);
    for (const variant of given) merged.set(variant.sku, variant);
    if (merged.size > variantsMax) return this.#reject(item, `the product would have more than ${variantsMax} variants`);
    const variants = [...merged.values()].map(({ sku, title, price, prices, attributes, metadata }) => ({
      sku,
      price,
      ...(title !== undefined && { title }),
      ...(prices && { prices }),
      ...(attributes && { attributes }),
      ...(metadata && { metadata }),
    }));
    const [violation] = variantViolations(variants);
    if (violation) return this.#reject(item, `with what is known, ${violation.path} ${violation.message}`);
    const after = changeProduct(stored, { ...item.product, ...this.#category(item), variants }, this.#making);
    if (after === stored) this.#counts.unchanged++;
    else {
      this.#keep(after);
      this.#counts.updated++;
    }
  }

  /** The variants of an item, each completed by what is known of it; those that are left without a price are rejected. */
  #priced({ product, lines }: ImportItem, knownOf: (sku: string) => VariantInput | undefined = () => undefined): VariantInput[] {
    const priced: VariantInput[] = [];
    product.variants.forEach((given, at) => {
      const sku = given.sku.toUpperCase();
      const known = knownOf(sku);
      const price = given.price ?? known?.price;
      if (price) priced.push({ ...known, ...given, sku, price });
      else this.#rejected.push({ line: lines[at] as number, sku, reason: 'price is missing, and there is no variant with this SKU' });
    });
    return priced;
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
    if (before && before.product.slug !== slug) this.#idOfSlug.delete(before.product.slug);
    this.#products.set(id, stored);
    this.#idOfSlug.set(slug, id);
    this.#takenSlugs.add(slug);
    for (const variant of [...variants, ...stored.removed]) this.#idOfSku.set(variant.sku, id);
  }

  #reject({ product, lines }: ImportItem, reason: string): void {
    product.variants.forEach(({ sku }, at) => this.#rejected.push({ line: lines[at] as number, sku: sku.toUpperCase(), reason }));
  }
}
