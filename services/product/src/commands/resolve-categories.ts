import { refusal } from '@stoa/platform/errors';
import { isId, newId } from '@stoa/platform/ids';
import type { Tx } from '@stoa/platform/sql';
import { categorySlugOf } from '../domain/slug.ts';
import { categorySlugs, insertMissingCategories } from '../store/category-rows.ts';

/**
 * The slugs of the categories that products name by slug, id or title. Those that do not exist are made, at the top of the tree, so that a catalogue can be
 * brought in without its tree; an id that does not exist is left out.
 *
 * @param make false to only pretend
 */
export async function resolveCategories(tx: Tx, names: Iterable<string>, make: boolean): Promise<Map<string, string>> {
  const wanted = new Map([...new Set(names)].map((name) => [name, isId(name) ? name : categorySlugOf(name)]));
  const found = await categorySlugs(tx, [...new Set(wanted.values())]);
  const missing = new Map<string, string>();
  for (const [name, slug] of wanted) if (!found.has(slug) && !isId(name)) missing.set(slug, name);
  if (make && missing.size > 0) {
    await insertMissingCategories(
      tx,
      // In one order, so that two who make the same ones do not wait for each other crosswise.
      [...missing]
        .sort()
        .map(([slug, name]) => ({ id: newId(), slug, title: titleOf(name), parentId: null, position: 0, version: 1 })),
    );
  }
  const resolved = new Map<string, string>();
  for (const [name, slug] of wanted) {
    const known = found.get(slug) ?? (missing.has(slug) ? slug : undefined);
    if (known !== undefined) resolved.set(name, known);
  }
  return resolved;
}

/** `home-and-garden` reads as `Home and garden`; what is written as a title stays as it is. */
function titleOf(name: string): string {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) return name.trim();
  const words = name.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The category of a request as the slug of one that exists; nothing when the request names none. */
export async function resolvedCategory(
  tx: Tx,
  category: string | null | undefined,
): Promise<{ category?: string | null }> {
  if (category === undefined) return {};
  if (category === null) return { category };
  const slug = (await resolveCategories(tx, [category], true)).get(category);
  if (slug !== undefined) return { category: slug };
  throw refusal('request.invalid', 'The category does not exist.', {
    errors: [{ path: '/category', message: 'is no id of a category' }],
  });
}
