import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';

const folders = ['platform', 'contracts', 'services', 'system', 'cli', 'web', 'tests', 'bench', 'tools', 'deploy'];
const skippedFolders = new Set(['node_modules', 'fixtures', 'dist', 'coverage']);
const checkedEndings = /\.(ts|tsx|mjs|cjs|js|sql|css|sh)$/;

/** `place-order.ts`, `0001-orders.sql`, `outbox.int.test.ts`. */
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** They fit anything, so everything moves in. */
const drawers = new Set([
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'shared',
  'misc',
  'manager',
  'base',
  'impl',
  'data',
  'info',
  'lib',
]);

/** Names of files and folders that are not kebab-case, or that say nothing. */
export async function run(root: string): Promise<string[]> {
  const problems: string[] = [];
  for (const folder of folders) await visit(join(root, folder), root, problems);
  return problems;
}

async function visit(folder: string, root: string, problems: string[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const isFolder = entry.isDirectory();
    if (isFolder ? skippedFolders.has(entry.name) : !checkedEndings.test(entry.name)) continue;
    const problem = whatIsWrong(entry.name);
    if (problem) problems.push(`${relative(root, path)}: ${problem}`);
    if (isFolder) await visit(path, root, problems);
  }
}

function whatIsWrong(name: string): string | undefined {
  const stem = name.split('.')[0] ?? '';
  if (!name.startsWith('.') && !kebabCase.test(stem)) return 'write names in kebab-case';
  const lastWord = stem.split('-').at(-1) ?? '';
  // `common-passwords` says what it is; `order-helpers` does not.
  if (drawers.has(stem) || (drawers.has(lastWord) && /^(util|helper|manager|impl|misc|lib)/.test(lastWord))) {
    return `"${lastWord}" fits anything; name what is in it`;
  }
  return undefined;
}
