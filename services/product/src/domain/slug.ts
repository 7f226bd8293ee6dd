import { isId } from '@stoa/platform/ids';

const lengthMax = 80;

/** A title as part of an address: `Crème brûlée dish` becomes `creme-brulee-dish`. Of a title without Latin letters or digits, `fallback`. */
export function slugOf(title: string, fallback = 'product'): string {
  const words = plain(title).match(/[a-z0-9]+/g);
  if (words === null) return fallback;
  let slug = words.join('-');
  if (slug.length > lengthMax) {
    const cut = slug.lastIndexOf('-', lengthMax);
    slug = slug.slice(0, cut > 0 ? cut : lengthMax);
  }
  // An address that reads as an id would be looked up as one, and these are taken.
  return isId(slug) || slug === 'export' || slug === 'import' ? `${fallback}-${slug}` : slug;
}

/** Letters of Latin alphabets that Unicode does not take apart. */
const latin: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
};

function plain(title: string): string {
  return title
    .normalize('NFKD')
    .replaceAll(/[\p{M}'’]/gu, '')
    .toLowerCase()
    .replaceAll(/[ßæœøłđðþı]/g, (letter) => latin[letter] as string);
}

/**
 * The slug of a category that is named by its title: the same for the same title. Where letters and figures of other alphabets or the signs of `C++` and `C#`
 * tell it from another, and where nothing is left of it, a few figures at its end do.
 */
export function categorySlugOf(title: string): string {
  const slug = slugOf(title, 'category');
  if (/[a-z0-9]/.test(plain(title)) && !/[^a-z0-9\P{L}]|[^a-z0-9\P{N}]|[+#]/u.test(plain(title))) return slug;
  const meant = title.normalize('NFKC').toLowerCase().trim().replaceAll(/\s+/g, ' ');
  return `${slug}-${fingerprint(meant)}`;
}

/** FNV-1a over 32 bits (Fowler, Noll and Vo): plenty for the few hundred categories of a shop. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** Slugs for a product that was given none, the nicest first. The last one nobody else can have. */
export function slugChoices(product: { title: string; sku: string; id: string }): string[] {
  const title = slugOf(product.title);
  return [
    title,
    `${title}-${slugOf(product.sku, 'sku')}`.slice(0, 110).replace(/-$/, ''),
    `${title}-${product.id.slice(-12)}`,
  ];
}
