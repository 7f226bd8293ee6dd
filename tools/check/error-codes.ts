import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

interface Declaration {
  readonly status: number;
  readonly title: string;
}

const page = 'docs/reference/errors.md';
const row = /^\| `([a-z-]+(?:\.[a-z-]+)?)` \| (\d{3}) \| ([^|]+?) \| ([^|]*?) ?\|$/gm;

/** Of these nobody hears: whoever reads the stream again does so because of it. */
const inside = new Set(['stream.conflict']);

/** Error codes that the page and the code do not say the same of, and those that are given as a reason and declared nowhere. */
export async function run(root: string): Promise<string[]> {
  const declared = await declaredCodes(root);
  if (declared.size === 0) return ['no error code is declared: nothing was checked'];
  const text = await readFile(join(root, page), 'utf8').catch(() => '');
  const problems: string[] = [];
  const described = new Map<string, Declaration & { readonly advice: string }>();
  for (const [, code = '', status, title = '', advice = ''] of text.matchAll(row)) {
    if (described.has(code)) problems.push(`${page} describes ${code} twice`);
    described.set(code, { status: Number(status), title, advice });
  }
  for (const [code, { status, title }] of declared) {
    const said = described.get(code);
    if (!said) problems.push(`${page} does not describe ${code} (${status}, "${title}")`);
    else if (said.status !== status || said.title !== title)
      problems.push(`${page} says ${said.status} "${said.title}" of ${code}, the code says ${status} "${title}"`);
    else if (!said.advice) problems.push(`${page} does not say what to do about ${code}`);
  }
  for (const code of described.keys())
    if (!declared.has(code)) problems.push(`${page} describes ${code}, which nobody answers with`);
  for (const [code, file] of await reasonsGiven(root))
    if (!declared.has(code)) problems.push(`${file} gives the reason ${code}, which no contract declares`);
  return problems;
}

/** The codes that the shop gives as the reason of a refusal or of a failure, with the first file that does. */
async function reasonsGiven(root: string): Promise<Map<string, string>> {
  const given = new Map<string, string>();
  for (const folder of ['platform', 'services']) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const file of paths.sort()) {
      const path = relative(root, file);
      if (!/^(platform|services\/[^/]+)\/src\/.*\.ts$/.test(path) || /\.test\.ts$|\/testing\//.test(path)) continue;
      const source = await readFile(file, 'utf8');
      for (const [, code = ''] of source.matchAll(/\b(?:refusal\(\s*|code: )'([a-z-]+\.[a-z-]+)'/g))
        if (!inside.has(code) && !given.has(code)) given.set(code, path);
    }
  }
  return given;
}

/** The codes of the kit and of every contract. */
async function declaredCodes(root: string): Promise<Map<string, Declaration>> {
  const declared = new Map<string, Declaration>();
  const load = async (...path: string[]): Promise<Record<string, unknown>> =>
    import(pathToFileURL(join(root, ...path)).href);
  const contracts = await readdir(join(root, 'contracts', 'src')).catch(() => []);
  const modules = [
    await load('platform', 'src', 'errors', 'index.ts'),
    ...(await Promise.all(
      contracts.filter((file) => /^[a-z-]+\.ts$/.test(file)).map((file) => load('contracts', 'src', file)),
    )),
  ];
  for (const module of modules) {
    for (const [name, value] of Object.entries(module)) {
      const errors = /Errors$/.test(name) ? value : isContract(value) ? value.errors : {};
      for (const [code, declaration] of Object.entries(errors as Record<string, Declaration>))
        declared.set(code, declaration);
    }
  }
  return declared;
}

function isContract(value: unknown): value is { errors: Record<string, Declaration> } {
  return typeof value === 'object' && value !== null && 'operations' in value && 'errors' in value;
}
