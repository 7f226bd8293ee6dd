import { ImportedProduct, type Product, type ProductColumn, productColumns } from '@stoa/contracts/product';
import { format, type Money, parseDecimal } from '@stoa/platform/money';
import { validatorOf } from '@stoa/platform/schema';
import { variantViolations } from './product.ts';

const currencyDefault = 'EUR';
const imported = validatorOf(ImportedProduct);

/** The cells of a CSV file by column; a column that the file has not is undefined. */
export type Cells = { readonly [Column in ProductColumn]?: string };

/** A product of an import, or why it cannot be one. */
export type Reading = { readonly product: ImportedProduct } | { readonly reason: string };

/** One row of a CSV file as a product with one variant. Columns that are absent, and empty cells where nothing cannot be meant, change nothing. */
export function readCells(cells: Cells): Reading {
  try {
    return checked({ ...productCells(cells), variants: [variantCells(cells)] }, (path) => columnOf(path));
  } catch (error) {
    if (error instanceof BadCell) return { reason: error.message };
    throw error;
  }
}

/** One value of an NDJSON file as a product. */
export function readValue(value: unknown): Reading {
  return checked(value, (path) => path || 'the line');
}

function checked(value: unknown, nameOf: (path: string) => string): Reading {
  const violations = imported.check(value) ? variantViolations(value.variants) : imported.violations(value);
  if (violations.length === 0) return { product: value as ImportedProduct };
  const reasons = violations.slice(0, 5).map(({ path, message }) => `${nameOf(path)} ${message}`);
  return { reason: reasons.join('; ') };
}

function columnOf(path: string): string {
  const name = path
    .replace(/^\/variants\/0/, '/variant')
    .split('/')
    .slice(1, 3);
  if (name[0] !== 'variant') return name[0] ?? path;
  if (name[1] === 'title') return 'variantTitle';
  return name[1] === 'metadata' ? 'variantMetadata' : (name[1] ?? 'variant');
}

class BadCell extends Error {}

function productCells(cells: Cells): Record<string, unknown> {
  return present({
    slug: cells.slug?.trim() || undefined,
    title: cells.title?.trim() || undefined,
    description: cells.description,
    status: cells.status?.trim().toLowerCase() || undefined,
    category: cells.category === undefined ? undefined : cells.category.trim() || null,
    tags: cells.tags === undefined ? undefined : listOf(cells.tags, ';'),
    images: cells.images === undefined ? undefined : imagesOf(cells.images),
    metadata: jsonOf('metadata', cells.metadata, '{'),
  });
}

function variantCells(cells: Cells): Record<string, unknown> {
  return present({
    sku: cells.sku?.trim(),
    title: cells.variantTitle?.trim(),
    price: cells.price?.trim()
      ? priceOf('price', cells.price, cells.currency?.trim().toUpperCase() || currencyDefault)
      : undefined,
    prices: cells.prices === undefined ? undefined : listOf(cells.prices, ';').map(pricesEntry),
    attributes: jsonOf('attributes', cells.attributes, '{'),
    metadata: jsonOf('variantMetadata', cells.variantMetadata, '{'),
  });
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  for (const name in fields) if (fields[name] === undefined) delete fields[name];
  return fields;
}

function listOf(cell: string, separator: string | RegExp): string[] {
  return cell
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function imagesOf(cell: string): unknown {
  return cell.trimStart().startsWith('[') ? jsonOf('images', cell, '[') : listOf(cell, /\s+/);
}

function jsonOf(column: ProductColumn, cell: string | undefined, opening: '{' | '['): unknown {
  if (cell === undefined) return undefined;
  if (cell.trim() === '') return opening === '{' ? {} : [];
  try {
    if (cell.trimStart().startsWith(opening)) return JSON.parse(cell, storable);
  } catch {
    // Said below.
  }
  throw new BadCell(`${column} is no JSON ${opening === '{' ? 'object' : 'array'}`);
}

/** PostgreSQL keeps neither NUL nor half of a character: bodies of requests are refused for them too. */
function storable(name: string, value: unknown): unknown {
  for (const text of [name, value])
    if (typeof text === 'string' && (!text.isWellFormed() || text.includes('\0'))) throw new SyntaxError(name);
  return value;
}

function pricesEntry(entry: string): Money {
  const [currency = '', amount = ''] = entry.split(/\s+/);
  return priceOf('prices', amount, currency.toUpperCase());
}

function priceOf(column: ProductColumn, text: string, currency: string): Money {
  if (!/^[A-Z]{3}$/.test(currency))
    throw new BadCell(`${column === 'price' ? 'currency' : column} has no currency of three letters`);
  const price = parseDecimal(text, currency);
  if (price === undefined) throw new BadCell(`${column} is no amount of ${currency}, like 12.50`);
  return price;
}

/** The rows of a product in a CSV file, one a variant. Its own cells are repeated in each, so that rows may be sorted and left out. */
export function csvRows(product: Product): string[][] {
  return product.variants.map((variant) => {
    const [amount = '', currency = ''] = format(variant.price).split(' ');
    const cells: Record<ProductColumn, string> = {
      slug: product.slug,
      title: product.title,
      description: product.description,
      status: product.status,
      category: product.category ?? '',
      tags: product.tags.join('; '),
      images: product.images.length === 0 ? '' : JSON.stringify(product.images),
      metadata: objectCell(product.metadata),
      sku: variant.sku,
      variantTitle: variant.title,
      price: amount,
      currency,
      prices: variant.prices.map((price) => format(price).split(' ').toReversed().join(' ')).join('; '),
      attributes: objectCell(variant.attributes),
      variantMetadata: objectCell(variant.metadata),
    };
    return productColumns.map((column) => cells[column]);
  });
}

function objectCell(value: Record<string, string>): string {
  return Object.keys(value).length === 0 ? '' : JSON.stringify(value);
}

/** A product as one value of an NDJSON file: what was put in, without ids and times. */
export function ndjsonValue(product: Product): ImportedProduct {
  const { id: _id, createdAt: _created, updatedAt: _updated, version: _version, variants, ...fields } = product;
  return { ...fields, variants: variants.map(({ id: _variantId, ...variant }) => variant) };
}
