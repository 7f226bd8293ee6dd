import type { Category } from '@stoa/contracts/product';
import { insertRows, insertText, type Sql, type Tx } from '@stoa/platform/sql';

interface CategoryRow extends Omit<Category, 'parentId'> {
  readonly parent_id: string | null;
}

const columns = 'id, slug, title, parent_id, position, version';

function categoryOf({ parent_id, ...row }: CategoryRow): Category {
  return { ...row, parentId: parent_id };
}

/** Every category: a shop has hundreds at the most. */
export async function allCategories(sql: Sql): Promise<Category[]> {
  const rows = await sql.query<CategoryRow>(`select ${columns} from category order by id`, []);
  return rows.map(categoryOf);
}

/** Every category, and nobody changes the tree until the transaction ends: two moves, each right alone, could make a cycle together. */
export async function lockCategories(tx: Tx): Promise<Category[]> {
  await tx.query('lock table category in share row exclusive mode');
  return allCategories(tx);
}

const types = { id: 'uuid', slug: 'text', title: 'text', parent_id: 'uuid', position: 'int', version: 'int' };
const insertOne = insertText('category', types);
const insertMissing = insertText('category', types, 'on conflict (slug) do nothing');

/** Breaks `category_slug_taken` when another has the slug. */
export async function insertCategory(tx: Tx, category: Category): Promise<void> {
  await insertRows(tx, insertOne, [rowOf(category)]);
}

/** Inserts those whose slug is free; the others exist, which is as good. */
export async function insertMissingCategories(tx: Tx, categories: readonly Category[]): Promise<void> {
  await insertRows(tx, insertMissing, categories.map(rowOf));
}

function rowOf({ parentId, ...category }: Category) {
  return { ...category, parent_id: parentId };
}

export async function updateCategory(tx: Tx, category: Category): Promise<void> {
  await tx.query('update category set title = $2, parent_id = $3, position = $4, version = $5 where id = $1', [
    category.id,
    category.title,
    category.parentId,
    category.position,
    category.version,
  ]);
}

/** Breaks `product_category_in_use` or `category_has_children` when something is still in it. */
export async function deleteCategory(tx: Tx, id: string): Promise<void> {
  await tx.query('delete from category where id = $1', [id]);
}

/** Slugs of the categories with these ids or slugs, by what they were found with. */
export async function categorySlugs(sql: Sql, names: readonly string[]): Promise<Map<string, string>> {
  if (names.length === 0) return new Map();
  const rows = await sql.query<{ id: string; slug: string }>(
    'select id, slug from category where slug = any($1) or id::text = any($1)',
    [names],
  );
  return new Map(
    rows.flatMap(({ id, slug }) => [
      [id, slug],
      [slug, slug],
    ]),
  );
}
