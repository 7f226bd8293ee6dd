/** Where the picture of the shop is, and the page that shows it. */
export const picturePath = 'docs/architecture.svg';
export const pagePath = 'ARCHITECTURE.md';

const begin = '<!-- from the code: node tools/picture.ts -->';
const end = '<!-- until here -->';

/** Puts the table between its marks in the page; throws when the page has no such marks. */
export function insertList(page: string, list: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${pagePath} has no table between "${begin}" and "${end}"`);
  return `${page.slice(0, from + begin.length)}\n\n${list}\n\n${page.slice(to)}`;
}
