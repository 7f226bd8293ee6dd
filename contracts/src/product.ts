import {
  anyone,
  Currency,
  contract,
  IdText,
  Instant,
  internal,
  Line,
  Metadata,
  MoneySchema,
  NewMetadata,
  nullable,
  oneOf,
  operation,
  pageQuery,
  type Static,
  staff,
  strict,
  Text,
  Type,
} from '@stoa/platform/schema';
import { productEvents } from './product-messages.ts';

/** A stock keeping unit: what is priced, stocked and sold. Any case is accepted; it is kept and answered in upper case. */
export const Sku = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._+:-]{0,63}$',
  description: 'compared in upper case',
});

/** A name in an address: lower-case words with hyphens between them, no UUID, and neither `export` nor `import`, which are addresses below `/products` already. */
export const Slug = Type.String({
  pattern:
    '^(?!(export|import)$)(?![0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$)[a-z0-9]+(-[a-z0-9]+)*$',
  minLength: 1,
  maxLength: 120,
});

/** `draft` and `archived` products are seen by merchandisers only and cannot be bought. */
export const ProductStatus = oneOf(['draft', 'active', 'archived']);
export type ProductStatus = Static<typeof ProductStatus>;

/** One picture. `alt` says what it shows; empty when it only decorates. */
export const ProductImage = strict({
  url: Type.String({ pattern: '^(https?://|/)[^\\s]+$', maxLength: 2000 }),
  alt: Text(300),
});

const ImageInput = Type.Union([
  ProductImage.properties.url,
  strict({ url: ProductImage.properties.url, alt: Type.Optional(Text(300)) }),
]);

/** What tells a variant from its siblings: `{ "size": "M" }`. */
const Attributes = Type.Unsafe<Record<string, string>>(
  Type.Record(Type.String({ pattern: '^(?!__proto__$)[\\p{L}\\p{N}][\\p{L}\\p{N} _.-]{0,39}$' }), Line(200), {
    maxProperties: 20,
    additionalProperties: false,
  }),
);

/** `;` separates tags in CSV files, so that no tag may contain it. */
const Tag = Type.String({ format: 'line', minLength: 1, maxLength: 50, pattern: '^[^;]*$' });

export const Variant = strict({
  id: IdText,
  sku: Type.String(),
  /** Empty for a product that comes in one form only. */
  title: Type.String(),
  price: MoneySchema,
  /** Prices in further currencies, at most one each. */
  prices: Type.Array(MoneySchema),
  attributes: Attributes,
  metadata: Metadata,
});
export type Variant = Static<typeof Variant>;

export const Product = strict({
  id: IdText,
  slug: Type.String(),
  title: Type.String(),
  description: Type.String(),
  status: ProductStatus,
  /** Slug of a category. */
  category: nullable(Type.String()),
  tags: Type.Array(Type.String()),
  images: Type.Array(ProductImage),
  metadata: Metadata,
  variants: Type.Array(Variant),
  createdAt: Instant,
  updatedAt: Instant,
  version: Type.Integer(),
});
export type Product = Static<typeof Product>;

const VariantInput = strict({
  sku: Sku,
  title: Type.Optional(Text(200)),
  price: MoneySchema,
  prices: Type.Optional(Type.Array(MoneySchema, { maxItems: 20 })),
  attributes: Type.Optional(Attributes),
  metadata: Type.Optional(NewMetadata),
});
export type VariantInput = Static<typeof VariantInput>;

/** The fields of a product, each optional: what PATCH takes, beside its variants. A field that is left out stays as it is. */
const productFields = {
  slug: Type.Optional(Slug),
  title: Type.Optional(Line(200)),
  description: Type.Optional(Text(20_000)),
  status: Type.Optional(ProductStatus),
  /** A category's slug or id; one that does not exist yet is made, at the top of the tree. Null takes the product out of its category. */
  category: Type.Optional(nullable(Line(100))),
  tags: Type.Optional(Type.Array(Tag, { maxItems: 50 })),
  images: Type.Optional(Type.Array(ImageInput, { maxItems: 50 })),
  metadata: Type.Optional(NewMetadata),
};

export const ProductInput = strict({
  ...productFields,
  title: Line(200),
  variants: Type.Array(VariantInput, { minItems: 1, maxItems: 100 }),
});
export type ProductInput = Static<typeof ProductInput>;

export const ProductPatch = strict({
  ...productFields,
  /**
   * The whole new list. A SKU the product has, or once had, keeps its variant's id; one that is left out is no longer sold, but stays reserved
   * to this product for ever, because orders and stock name it.
   */
  variants: Type.Optional(Type.Array(VariantInput, { minItems: 1, maxItems: 100 })),
});
export type ProductPatch = Static<typeof ProductPatch>;

/**
 * One line of an NDJSON import, and what consecutive CSV rows with one slug come to. Only what is given is changed; variants that are not
 * named stay. A product that is not there yet needs a title, and a new variant a price.
 */
export const ImportedProduct = strict({
  ...productFields,
  variants: Type.Array(strict({ ...VariantInput.properties, price: Type.Optional(MoneySchema) }), {
    minItems: 1,
    maxItems: 100,
  }),
});
export type ImportedProduct = Static<typeof ImportedProduct>;

/**
 * Columns of an imported or exported CSV file, one row a variant; consecutive rows with one slug are one product, whose own columns are read from
 * the first of them. Only `sku` is required; a column that is left out changes nothing. `price` is decimal (`12.50`) in `currency` (EUR unless given),
 * `prices` a list `GBP 10.95; USD 13.50`, `tags` a list separated by `;`, `images` addresses separated by spaces or a JSON array,
 * `metadata`, `attributes` and `variantMetadata` JSON objects. A leading `'` before `=`, `+`, `-`, `@`, tab or carriage return only
 * keeps spreadsheets from computing the cell; it is written by the export and taken away by the import.
 */
export const productColumns = [
  'slug',
  'title',
  'description',
  'status',
  'category',
  'tags',
  'images',
  'metadata',
  'sku',
  'variantTitle',
  'price',
  'currency',
  'prices',
  'attributes',
  'variantMetadata',
] as const;
export type ProductColumn = (typeof productColumns)[number];

/** One line of the answer of an import. `rows` are lines of NDJSON or records of CSV, the other counts are products. */
export type ImportReport =
  | ({ readonly type: 'progress' } & ImportCounts)
  | { readonly type: 'rejected'; readonly line: number; readonly sku: string | null; readonly reason: string }
  | ({ readonly type: 'summary'; readonly dryRun: boolean; readonly seconds: number } & ImportCounts)
  /** It could not go on: what is counted here has been imported, and importing the file again is safe. */
  | ({ readonly type: 'failed'; readonly code: string; readonly detail: string } & ImportCounts);

export interface ImportCounts {
  readonly rows: number;
  readonly rejected: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
}

const count = Type.Integer({ minimum: 0 });
const productQuery = {
  /** Words to find in titles, tags, SKUs and descriptions; `"a phrase"`, `-not`, `or`. The last word may be half typed. */
  search: Type.Optional(Line(200)),
  /** A category's slug or id; products of the categories below it count as well. */
  category: Type.Optional(Line(100)),
  tag: Type.Optional(Line(50)),
  /** In minor units of `currency`; a product's price is that of its cheapest variant. */
  minPrice: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  maxPrice: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  /** Only products with a price in this currency, compared by it; unless given, each by the currency of its first variant. */
  currency: Type.Optional(Currency),
};

export const ProductSort = oneOf(['relevance', 'newest', 'price', '-price', 'title']);
export type ProductSort = Static<typeof ProductSort>;

/** How many products each further choice would leave. Each list leaves out its own filter, so that one can change one's mind. */
export const ProductFacets = strict({
  total: count,
  /** With the products of the categories below each. */
  categories: Type.Array(strict({ value: Type.String(), title: Type.String(), count })),
  /** The 50 commonest. */
  tags: Type.Array(strict({ value: Type.String(), count })),
  prices: Type.Array(strict({ currency: Currency, min: count, max: count, count })),
});
export type ProductFacets = Static<typeof ProductFacets>;

const categoryFields = {
  id: IdText,
  slug: Type.String(),
  title: Type.String(),
  parentId: nullable(IdText),
  /** Siblings are listed by position, then by title. */
  position: Type.Integer(),
  version: Type.Integer(),
};
export const Category = strict(categoryFields);
export type Category = Static<typeof Category>;

/** Levels of the category tree at the most. */
export const categoryLevelsMax = 6;

export interface CategoryNode extends Category {
  readonly children: CategoryNode[];
}
const CategoryNode = Type.Unsafe<CategoryNode>(categoryNode(categoryLevelsMax));

function categoryNode(levels: number): ReturnType<typeof strict> {
  const children = levels === 1 ? Type.Array(strict({}), { maxItems: 0 }) : Type.Array(categoryNode(levels - 1));
  return strict({ ...categoryFields, children });
}

const CategoryInput = strict({
  title: Line(100),
  /** Made from the title unless given. Products name their category by it, so that it cannot be changed later. */
  slug: Type.Optional(Slug),
  parentId: Type.Optional(nullable(IdText)),
  position: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
});
const { slug: _fixed, ...changeable } = CategoryInput.properties;
const CategoryPatch = strict({ ...changeable, title: Type.Optional(Line(100)) });

/** A variant's prices as check-out needs them. */
export const PricedSku = strict({
  sku: Type.String(),
  productId: IdText,
  /** Product and variant: `Linen shirt – Sand / M`. */
  title: Type.String(),
  /** In the currency asked for where the variant has a price in it, else its main price. */
  price: MoneySchema,
  prices: Type.Array(MoneySchema),
  version: Type.Integer(),
  /** `archived` also when only the variant is no longer sold. */
  status: ProductStatus,
});
export type PricedSku = Static<typeof PricedSku>;

const csv = 'text/csv';
const ndjson = 'application/x-ndjson';
const cacheS = 1;
const merchandiser = staff('merchandiser');
const dayMs = 86_400_000;

const operations = {
  listProducts: operation({
    method: 'GET',
    path: '/api/v1/products',
    summary: 'List and search products',
    access: anyone,
    query: {
      ...pageQuery,
      ...productQuery,
      /** `relevance` when something is searched, else `newest`. */
      sort: Type.Optional(ProductSort),
      facets: Type.Optional(Type.Boolean()),
      /** For merchandisers, who see drafts and active products unless they name one. */
      status: Type.Optional(ProductStatus),
    },
    answer: strict({
      items: Type.Array(Product),
      nextCursor: nullable(Type.String()),
      facets: Type.Optional(ProductFacets),
    }),
    publicCacheS: cacheS,
  }),
  exportProducts: operation({
    method: 'GET',
    path: '/api/v1/products/export',
    summary: 'Export every product, as CSV or NDJSON',
    access: merchandiser,
    query: { format: Type.Optional(oneOf(['csv', 'ndjson'])) },
    streams: csv,
    alsoStreams: [ndjson],
    timeoutMs: dayMs,
  }),
  importProducts: operation({
    method: 'POST',
    path: '/api/v1/products/import',
    summary: 'Import products from CSV or NDJSON, by SKU; the answer reports progress and every rejected row',
    access: merchandiser,
    query: { dryRun: Type.Optional(Type.Boolean()) },
    rawBody: [csv, ndjson],
    streams: ndjson,
    bodyBytesMax: 4 * 1024 ** 3,
    timeoutMs: dayMs,
  }),
  getProduct: operation({
    method: 'GET',
    path: '/api/v1/products/:id',
    summary: 'Get a product by its id or slug',
    access: anyone,
    // Named as in PATCH and DELETE: OpenAPI allows one name for a place in a path.
    params: { id: Type.String({ minLength: 1, maxLength: 200, description: 'id or slug' }) },
    answer: Product,
    errors: ['product.not-found'],
    publicCacheS: cacheS,
  }),
  createProduct: operation({
    method: 'POST',
    path: '/api/v1/products',
    summary: 'Create a product',
    access: merchandiser,
    body: ProductInput,
    answer: Product,
    statuses: [201],
    errors: ['product.sku-taken', 'product.slug-taken'],
    idempotency: 'accepted',
  }),
  changeProduct: operation({
    method: 'PATCH',
    path: '/api/v1/products/:id',
    summary: 'Change a product',
    access: merchandiser,
    params: { id: IdText },
    body: ProductPatch,
    answer: Product,
    errors: ['product.not-found', 'product.sku-taken', 'product.slug-taken'],
  }),
  archiveProduct: operation({
    method: 'DELETE',
    path: '/api/v1/products/:id',
    summary: 'Archive a product',
    access: merchandiser,
    params: { id: IdText },
    errors: ['product.not-found'],
  }),
  listCategories: operation({
    method: 'GET',
    path: '/api/v1/categories',
    summary: 'List the categories as a tree',
    access: anyone,
    answer: strict({ items: Type.Array(CategoryNode) }),
    publicCacheS: cacheS,
  }),
  createCategory: operation({
    method: 'POST',
    path: '/api/v1/categories',
    summary: 'Create a category',
    access: merchandiser,
    body: CategoryInput,
    answer: Category,
    statuses: [201],
    errors: ['category.slug-taken', 'category.unknown-parent', 'category.too-deep'],
    idempotency: 'accepted',
  }),
  changeCategory: operation({
    method: 'PATCH',
    path: '/api/v1/categories/:id',
    summary: 'Rename or move a category',
    access: merchandiser,
    params: { id: IdText },
    body: CategoryPatch,
    answer: Category,
    errors: ['category.not-found', 'category.unknown-parent', 'category.cycle', 'category.too-deep'],
  }),
  deleteCategory: operation({
    method: 'DELETE',
    path: '/api/v1/categories/:id',
    summary: 'Delete a category that is not in use',
    access: merchandiser,
    params: { id: IdText },
    errors: ['category.not-found', 'category.in-use'],
  }),
  getPrices: operation({
    method: 'POST',
    path: '/internal/product/prices',
    summary: 'Prices of SKUs, for check-out; SKUs nobody has are left out',
    access: internal,
    body: strict({
      skus: Type.Array(Type.String({ maxLength: 200 }), { maxItems: 2000 }),
      currency: Type.Optional(Currency),
    }),
    answer: Type.Array(PricedSku),
    repeatable: true,
    timeoutMs: 5_000,
  }),
};

/** The catalogue: products with their variants and prices, and the tree of categories. */
export const productContract = contract({
  service: 'product',
  operations,
  events: productEvents,
  commands: {},
  errors: {
    'product.not-found': { status: 404, title: 'There is no such product' },
    'product.sku-taken': { status: 409, title: 'Another product has this SKU' },
    'product.slug-taken': { status: 409, title: 'Another product has this slug' },
    'category.not-found': { status: 404, title: 'There is no such category' },
    'category.slug-taken': { status: 409, title: 'Another category has this slug' },
    'category.in-use': { status: 409, title: 'The category still has products or categories below it' },
    'category.cycle': { status: 409, title: 'A category cannot be below itself' },
    'category.too-deep': { status: 409, title: 'The tree of categories would get too deep' },
    'category.unknown-parent': { status: 422, title: 'The parent category does not exist' },
  },
});
