import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

interface Declaration {
  readonly status: number;
  readonly title: string;
}

const page = 'docs/reference/errors.md';

/** Error codes that the page and the code do not say the same of. */
export async function run(root: string): Promise<string[]> {
  const declared = await declaredCodes(root);
  if (declared.size === 0) return ['no error code is declared: nothing was checked'];
  const text = await readFile(join(root, page), 'utf8').catch(() => '');
  const described = new Map(
    [...text.matchAll(/^\| `([a-z-]+(?:\.[a-z-]+)?)` \| (\d{3}) \| ([^|]+?) \| ([^|]*?) ?\|$/gm)].map(
      ([, code = '', status, title, advice]) => [code, { status: Number(status), title, advice }],
    ),
  );
  const problems: string[] = [];
  for (const [code, { status, title }] of declared) {
    const said = described.get(code);
    if (!said) problems.push(`${page} does not describe ${code} (${status}, "${title}")`);
    else if (said.status !== status || said.title !== title)
      problems.push(`${page} says ${said.status} "${said.title}" of ${code}, the code says ${status} "${title}"`);
    else if (!said.advice) problems.push(`${page} does not say what to do about ${code}`);
  }
  for (const code of described.keys())
    if (!declared.has(code)) problems.push(`${page} describes ${code}, which nobody answers with`);
  return problems;
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
