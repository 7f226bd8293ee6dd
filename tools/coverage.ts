// `npm run coverage`: runs the tests and tells which share of the lines of platform and services they ran, child processes included.
// Fails below the threshold. `npm run coverage -- platform/src/outbox` runs only those tests and measures only that folder.

import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { coverLines, type ScriptCoverage } from './line-coverage.ts';

/** Per cent of the lines of code. */
const threshold = 90;
const worstFilesMax = 15;

const root = fileURLToPath(new URL('..', import.meta.url));
const chosen = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);

const raw = await mkdtemp(join(tmpdir(), 'stoa-coverage-'));
let testsPassed = false;
let files: FileCoverage[] = [];
try {
  const runner = fileURLToPath(new URL('test.ts', import.meta.url));
  const environment = { ...process.env, NODE_V8_COVERAGE: raw };
  testsPassed = spawnSync(process.execPath, [runner, ...chosen], { stdio: 'inherit', env: environment }).status === 0;
  files = await measure(await readCoverage(raw));
} finally {
  await rm(raw, { recursive: true, force: true });
}

const total = sum(files);
for (const [folder, members] of Map.groupBy(files, (file) => folderOf(file.path))) {
  say(`${describe(sum(members))}  ${folder}`);
}
say('');
const worst = files.filter((file) => percent(file) < threshold).sort((a, b) => missed(b) - missed(a));
for (const file of worst.slice(0, worstFilesMax)) say(`${describe(file)}  ${file.path}: ${spans(file.uncovered)}`);
say(
  `\n${percent(total).toFixed(1)} % of ${total.lines} lines of platform and services are covered; ${threshold} % are wanted.`,
);
if (!testsPassed) say('The tests did not pass, so this proves nothing.');
process.exitCode = testsPassed && percent(total) >= threshold ? 0 : 1;

interface Share {
  readonly lines: number;
  readonly covered: number;
}

interface FileCoverage extends Share {
  readonly path: string;
  /** Numbers of the lines that no test ran. */
  readonly uncovered: readonly number[];
}

/** What every process of the run wrote about our files, by their URL. */
async function readCoverage(folder: string): Promise<Map<string, ScriptCoverage[]>> {
  const ours = pathToFileURL(root).href;
  const byUrl = new Map<string, ScriptCoverage[]>();
  for (const file of await readdir(folder)) {
    for (const script of parseReport(await readFile(join(folder, file), 'utf8'))) {
      if (!script.url.startsWith(ours) || script.url.includes('/node_modules/')) continue;
      const others = byUrl.get(script.url);
      if (others) others.push(script);
      else byUrl.set(script.url, [script]);
    }
  }
  return byUrl;
}

/** A process that was killed while it wrote leaves half a report, which tells nothing. */
function parseReport(text: string): (ScriptCoverage & { readonly url: string })[] {
  try {
    return JSON.parse(text).result ?? [];
  } catch {
    return [];
  }
}

/** Measures every file, whether a test loaded it or not. */
async function measure(byUrl: ReadonlyMap<string, ScriptCoverage[]>): Promise<FileCoverage[]> {
  const measured: FileCoverage[] = [];
  for (const path of await sourceFiles()) {
    const file = join(root, path);
    const lines = coverLines(await readFile(file, 'utf8'), byUrl.get(pathToFileURL(file).href) ?? []);
    const uncovered = lines.filter((line) => !line.covered).map((line) => line.number);
    if (lines.length > 0)
      measured.push({ path, lines: lines.length, covered: lines.length - uncovered.length, uncovered });
  }
  return measured;
}

async function sourceFiles(): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ['platform', 'services']) {
    const paths = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    for (const entry of paths) {
      const path = relative(root, join(entry.parentPath, entry.name)).split(sep).join('/');
      const isSource = /^(platform|services\/[^/]+)\/src\/.*\.ts$/.test(path) && !/\.test\.ts$|\/fixtures\//.test(path);
      const isChosen = chosen.length === 0 || chosen.some((part) => path.includes(part));
      if (entry.isFile() && isSource && isChosen) found.push(path);
    }
  }
  return found.sort();
}

/** `platform/src/outbox`, `services/order`. */
function folderOf(path: string): string {
  return path
    .split('/')
    .slice(0, path.startsWith('platform') ? 3 : 2)
    .join('/');
}

function sum(shares: readonly Share[]): Share {
  return shares.reduce((a, b) => ({ lines: a.lines + b.lines, covered: a.covered + b.covered }), {
    lines: 0,
    covered: 0,
  });
}

function percent({ lines, covered }: Share): number {
  return lines === 0 ? 0 : (100 * covered) / lines;
}

function missed({ lines, covered }: Share): number {
  return lines - covered;
}

function describe(share: Share): string {
  return `${percent(share).toFixed(1).padStart(5)} %  ${String(missed(share)).padStart(5)} of ${String(share.lines).padStart(5)} lines missed`;
}

/** `3-5, 9` for 3, 4, 5 and 9. */
function spans(numbers: readonly number[]): string {
  const parts: [first: number, last: number][] = [];
  for (const number of numbers) {
    const open = parts.at(-1);
    if (open && open[1] === number - 1) open[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}
