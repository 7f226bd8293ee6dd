import { isId } from '@stoa/platform/ids';

const lengthMax = 80;

/** A title as part of an address: `Crème brûlée dish` becomes `creme-brulee-dish`. Of a title without Latin letters or digits, `fallback`. */
export function slugOf(title: string, fallback = 'product'): string {
  const words = title
    .normalize('NFKD')
    .replaceAll(/[\p{M}'’]/gu, '')
    .toLowerCase()
    .match(/[a-z0-9]+/g);
  if (words === null) return fallback;
  let slug = words.join('-');
  if (slug.length > lengthMax) {
    const cut = slug.lastIndexOf('-', lengthMax);
    slug = slug.slice(0, cut > 0 ? cut : lengthMax);
  }
  // An address that reads as an id would be looked up as one.
  return isId(slug) ? `${fallback}-${slug}` : slug;
}

/** Slugs for a product that was given none, the nicest first. The last one nobody else can have. */
export function slugChoices(product: { title: string; sku: string; id: string }): string[] {
  const plain = slugOf(product.title);
  return [
    plain,
    `${plain}-${slugOf(product.sku, 'sku')}`.slice(0, 110).replace(/-$/, ''),
    `${plain}-${product.id.slice(-12)}`,
  ];
}
