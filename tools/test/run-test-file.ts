import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestFile } from './find-test-files.ts';

/** What became of one test. */
export interface TestOutcome {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped, where it says so. */
  readonly reason: string;
  readonly durationMs: number;
  readonly error?: string;
}

export interface FileOutcome {
  readonly path: string;
  readonly durationMs: number;
  readonly tests: readonly TestOutcome[];
  /** What the file printed; worth reading when something failed. */
  readonly output: string;
}

export interface RunOptions {
  readonly root: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Which of the files that run side by side it is, from 0: told in `TEST_LANE`, for what must not meet. */
  readonly lane?: number;
  /** A regular expression that test names must match. */
  readonly grep?: string | undefined;
}

const reporter = fileURLToPath(new URL('reporter.mjs', import.meta.url));
const outputLengthMax = 64 * 1024;

/**
 * Runs one test file in a process of its own and its own process group, so that whatever it starts can be ended with it when it
 * exceeds its limit. A file that dies, hangs or holds no test counts as one failed test.
 */
export async function runTestFile(file: TestFile, options: RunOptions): Promise<FileOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'stoa-test-'));
  const report = join(folder, 'report.ndjson');
  const startedAt = performance.now();
  try {
    const args = [`--test-reporter=${reporter}`, `--test-reporter-destination=${report}`];
    if (options.grep !== undefined) args.push(`--test-name-pattern=${options.grep}`);
    const ended = await runProcess([...args, join(options.root, file.path)], file.limitMs, options);
    const durationMs = performance.now() - startedAt;
    const tests = await readReport(report);
    const wrong = whatIsWrong(tests, ended, file, options);
    if (wrong) tests.push({ name: 'the file as a whole', outcome: 'failed', reason: '', durationMs, error: wrong });
    return { path: file.path, durationMs, tests, output: ended.output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly tooLong: boolean;
  readonly output: string;
}

function whatIsWrong(
  tests: readonly TestOutcome[],
  ended: Ended,
  file: TestFile,
  options: RunOptions,
): string | undefined {
  if (ended.tooLong) return `It ran longer than its limit of ${file.limitMs / 1000} s and was ended.`;
  const failed = tests.some((test) => test.outcome === 'failed');
  if (ended.code !== 0 && !failed) return `Its process ended with ${ended.signal ?? `exit code ${ended.code}`}.`;
  if (tests.length === 0 && options.grep === undefined) return 'It holds no test.';
  return undefined;
}

function runProcess(args: readonly string[], limitMs: number, options: RunOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const { NODE_TEST_CONTEXT: _, ...given } = options.environment;
    // Hundreds of processes load the same sources: types are stripped and code is compiled once. Not while lines are counted, which wants code as it is.
    const compiled = { NODE_COMPILE_CACHE: join(options.root, 'node_modules/.cache/stoa-compiled') };
    const lane = { TEST_LANE: String(options.lane ?? 0) };
    const environment = given.NODE_V8_COVERAGE ? { ...given, ...lane } : { ...compiled, ...given, ...lane };
    const child = spawn(process.execPath, args, {
      cwd: options.root,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-outputLengthMax);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    let tooLong = false;
    const timer = setTimeout(() => {
      tooLong = true;
      endGroup(child.pid);
    }, limitMs);
    const forget = () => {
      clearTimeout(timer);
      running.delete(child.pid);
    };
    running.add(child.pid);
    child.on('error', (error) => {
      forget();
      reject(error);
    });
    child.on('exit', (code, signal) => {
      forget();
      // What the file left running would hold its output open, its ports and the next file's processor.
      endGroup(child.pid);
      const done = () => resolve({ code, signal, tooLong, output });
      child.once('close', done);
      // A daemon that left the group may hold the output open for ever.
      setTimeout(done, 1000).unref();
    });
  });
}

const running = new Set<number | undefined>();

/** Ends every test file that is running: for Ctrl-C, as their process groups do not hear it. */
export function endRunningFiles(): void {
  for (const pid of running) endGroup(pid);
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // Nothing of the group is left, which is the usual case.
  }
}

async function readReport(path: string): Promise<TestOutcome[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  // The last piece is empty, or a line cut short by the end of the process.
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as TestOutcome);
}
