import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

const page = 'docs/reference/settings.md';
const readers = /^(platform\/src|services\/[^/]+\/src|system\/src|cli\/(src|bin))\//;
const notTheShop = /\.test\.ts$|\/testing\//;

/** Settings that the code names and the page does not, and the reverse; and those that the page describes twice. */
export async function run(root: string): Promise<string[]> {
  const named = await namedInCode(root);
  if (named.size === 0) return ['no source names a setting: nothing was checked'];
  const text = await readFile(join(root, page), 'utf8').catch(() => '');
  const rows = [...text.matchAll(/^\| `([A-Z][A-Z0-9_<>]*)` \|/gm)].map(([, name = '']) => name);
  const described = new Set(rows);
  return [
    ...[...named]
      .filter(([name]) => !described.has(name))
      .map(([name, file]) => `${page} does not describe ${name}, which ${file} reads`),
    ...[...described]
      .filter((name) => !named.has(name))
      .map((name) => `${page} describes ${name}, which nothing reads`),
    ...[...described]
      .filter((name) => rows.indexOf(name) !== rows.lastIndexOf(name))
      .map((name) => `${page} describes ${name} twice`),
  ];
}

/** Every setting with the first file that names it. */
async function namedInCode(root: string): Promise<Map<string, string>> {
  const named = new Map<string, string>();
  for (const folder of ['platform', 'services', 'system', 'cli']) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    const files = entries.filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name));
    for (const file of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
      const path = relative(root, file);
      if (path.includes('node_modules') || !readers.test(path) || notTheShop.test(path)) continue;
      for (const name of settingsIn(await readFile(file, 'utf8'))) if (!named.has(name)) named.set(name, path);
    }
  }
  return named;
}

/** `STOA_…`, `OTEL_…`, `PORT`; a name with a service in it reads `STOA_<SERVICE>_…`. Comments do not read anything. */
function* settingsIn(source: string): Generator<string> {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '').replace(/STOA_\$\{[^}]*\}_/g, 'STOA_<SERVICE>_');
  for (const [name] of code.matchAll(/\b(?:STOA_<SERVICE>_[A-Z0-9_]+|(?:STOA|OTEL)_[A-Z0-9_]*[A-Z0-9]|PORT)\b/g))
    yield name;
}
