import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { isServerName, type ServerName } from './test-servers.ts';

/** The folders that hold tests, in the order they run. */
export const testFolders = ['tools', 'platform', 'contracts', 'services', 'system', 'cli', 'bench', 'tests'] as const;

const skippedFolders = new Set(['node_modules', 'fixtures', '.stoa']);
const limitMsDefault = 120_000;
const limitMsHeavy = 15 * 60_000;

/** One file of tests and what its opening comments ask for. */
export interface TestFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  /** Pure: no database, no server, nothing but code. */
  readonly unit: boolean;
  /** Crosses services and uses the machine: the whole of it, so it runs alone, at the end; or half, so it runs beside another such before those. */
  readonly heavy: boolean;
  readonly load: 'half' | 'whole';
  readonly needs: readonly ServerName[];
  readonly limitMs: number;
  /** How many tests the source seems to hold: what is counted as skipped when the file cannot run. */
  readonly testCount: number;
}

export interface Selection {
  /** Keep only files whose path contains one of these; all when empty. */
  readonly paths: readonly string[];
  readonly unitOnly: boolean;
}

/** Finds the test files below the root, light ones first. */
export async function findTestFiles(root: string, selection: Selection): Promise<TestFile[]> {
  const files: TestFile[] = [];
  for (const folder of testFolders) {
    for await (const path of walk(join(root, folder))) files.push(readTestFile(root, path));
  }
  const chosen = files.filter((file) => {
    const named = selection.paths.length === 0 || selection.paths.some((part) => file.path.includes(part));
    return named && (file.unit || !selection.unitOnly);
  });
  return chosen.sort((a, b) => Number(a.heavy) - Number(b.heavy));
}

async function* walk(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !skippedFolders.has(entry.name)) yield* walk(path);
    if (entry.isFile() && entry.name.endsWith('.test.ts')) yield path;
  }
}

function readTestFile(root: string, file: string): TestFile {
  const path = relative(root, file).split(sep).join('/');
  const source = readFileSync(file, 'utf8');
  const heavy = path.startsWith('tests/');
  const needs = readNeeds(path, source);
  return {
    path,
    heavy,
    load: readLoad(path, source),
    needs,
    unit: !heavy && !path.endsWith('.int.test.ts') && needs.length === 0,
    limitMs: readLimitMs(path, source) ?? (heavy ? limitMsHeavy : limitMsDefault),
    testCount: Math.max(1, source.match(/^\s*(?:await )?(?:test|it)\(/gm)?.length ?? 0),
  };
}

/** `// needs: redis rabbitmq` on a line of its own. */
function readNeeds(path: string, source: string): ServerName[] {
  const words =
    source
      .match(/^\/\/ needs: (.+)$/m)?.[1]
      ?.trim()
      .split(/[\s,]+/) ?? [];
  return words.map((word) => {
    if (!isServerName(word)) throw new Error(`${path} needs "${word}", which is not in tools/test/test-servers.ts`);
    return word;
  });
}

/** `// load: half` on a line of its own: what waits for most of its time leaves half of the machine to another. */
function readLoad(path: string, source: string): TestFile['load'] {
  const text = source.match(/^\/\/ load: (.+)$/m)?.[1]?.trim();
  if (text !== undefined && text !== 'half')
    throw new Error(`${path} has the load "${text}"; there is only "// load: half"`);
  return text ?? 'whole';
}

/** `// limit: 300 s` on a line of its own. */
function readLimitMs(path: string, source: string): number | undefined {
  const text = source.match(/^\/\/ limit: (.+)$/m)?.[1]?.trim();
  if (text === undefined) return undefined;
  const seconds = text.match(/^(\d+) s$/)?.[1];
  if (!seconds) throw new Error(`${path} has the limit "${text}"; write it in seconds, as in "// limit: 300 s"`);
  return Number(seconds) * 1000;
}
