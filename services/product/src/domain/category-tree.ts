import { type Category, type CategoryNode, categoryLevelsMax } from '@stoa/contracts/product';

/** The categories as a tree: siblings by position, then by title. */
export function treeOf(categories: readonly Category[]): CategoryNode[] {
  const children = childrenOf(categories);
  const nodesBelow = (parentId: string | null): CategoryNode[] =>
    (children.get(parentId) ?? [])
      .toSorted((a, b) => a.position - b.position || compare(a.title, b.title) || compare(a.id, b.id))
      .map((category) => ({ ...category, children: nodesBelow(category.id) }));
  return nodesBelow(null);
}

/** Why a category cannot be below `parentId`, which exists: it would be below itself, or the tree too deep. Undefined when it can. */
export function whyNotBelow(
  categories: readonly Category[],
  categoryId: string,
  parentId: string,
): 'category.cycle' | 'category.too-deep' | undefined {
  const byId = new Map(categories.map((category) => [category.id, category]));
  let level = 1;
  for (let at = byId.get(parentId); at !== undefined; at = byId.get(at.parentId ?? '')) {
    if (at.id === categoryId) return 'category.cycle';
    level++;
  }
  return level + levelsBelow(categoryId, childrenOf(categories)) > categoryLevelsMax ? 'category.too-deep' : undefined;
}

function levelsBelow(id: string, children: ReturnType<typeof childrenOf>): number {
  return Math.max(0, ...(children.get(id) ?? []).map((child) => 1 + levelsBelow(child.id, children)));
}

function childrenOf(categories: readonly Category[]): Map<string | null, Category[]> {
  const children = new Map<string | null, Category[]>();
  for (const category of categories) {
    const siblings = children.get(category.parentId);
    if (siblings) siblings.push(category);
    else children.set(category.parentId, [category]);
  }
  return children;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
