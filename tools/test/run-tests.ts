import { availableParallelism } from 'node:os';
import type { TestFile } from './find-test-files.ts';
import { type FileOutcome, type RunOptions, runTestFile, type TestOutcome } from './run-test-file.ts';
import type { ServerName } from './test-servers.ts';

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface SuiteOptions extends RunOptions {
  /** Servers this machine has not got: files that need one are skipped. */
  readonly missing: readonly ServerName[];
  readonly say: (line: string) => void;
}

/** More processes than this only make PostgreSQL wait for its disk. */
const concurrencyMax = 4;

/** Runs the files, light ones side by side, heavy ones two at a time where half of the machine is enough and else alone, prints what went wrong, and counts. */
export async function runTests(files: readonly TestFile[], options: SuiteOptions): Promise<TestCounts> {
  const outcomes: FileOutcome[] = [];
  const run = async (file: TestFile, lane: number) => {
    const lacking = file.needs.filter((name) => options.missing.includes(name));
    const outcome = lacking.length > 0 ? skipFile(file, lacking) : await runTestFile(file, { ...options, lane });
    outcomes.push(outcome);
    for (const line of describeFile(outcome)) options.say(line);
  };
  const concurrency = Math.min(concurrencyMax, availableParallelism());
  await eachOf(
    files.filter((file) => !file.heavy),
    concurrency,
    run,
  );
  const heavy = files.filter((file) => file.heavy);
  await eachOf(
    // The longest first, so that none is left alone at the end.
    heavy.filter(({ load }) => load === 'half').sort((a, b) => b.limitMs - a.limitMs),
    Math.min(2, concurrency),
    run,
  );
  await eachOf(
    heavy.filter(({ load }) => load === 'whole'),
    1,
    run,
  );

  const tests = outcomes.flatMap((outcome) => outcome.tests);
  const count = (wanted: TestOutcome['outcome']) => tests.filter((test) => test.outcome === wanted).length;
  const failures = outcomes.filter((outcome) => outcome.tests.some((test) => test.outcome === 'failed'));
  if (failures.length > 1) {
    options.say('\nFailed:');
    for (const outcome of failures) {
      for (const test of outcome.tests) if (test.outcome === 'failed') options.say(`  ${outcome.path}: ${test.name}`);
    }
  }
  return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
}

/** `12 passed, 0 failed`, and how many were skipped when any were: the closing line of every run. */
export function describeCounts({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Why a run with these counts is not good enough, or undefined. Nothing was proved by no tests, nor in CI by one that was skipped. */
export function whyNotGreen({ passed, failed, skipped }: TestCounts, ci: boolean): string | undefined {
  if (failed > 0) return `${failed} failed.`;
  if (passed + skipped === 0) return 'No test ran.';
  if (ci && skipped > 0) return `${skipped} skipped, which CI does not accept.`;
  return undefined;
}

function skipFile(file: TestFile, lacking: readonly ServerName[]): FileOutcome {
  const reason = `needs ${lacking.join(', ')}`;
  const tests = Array.from({ length: file.testCount }, (_, index): TestOutcome => {
    return { name: `test ${index + 1}`, outcome: 'skipped', reason, durationMs: 0 };
  });
  return { path: file.path, durationMs: 0, tests, output: '' };
}

function* describeFile({ path, tests, durationMs, output }: FileOutcome): Generator<string> {
  const failed = tests.filter((test) => test.outcome === 'failed');
  const skipped = tests.filter((test) => test.outcome === 'skipped');
  yield `${failed.length > 0 ? 'FAIL' : 'ok  '} ${path}  ${tests.length} tests, ${(durationMs / 1000).toFixed(1)} s`;
  for (const reason of new Set(skipped.map((test) => test.reason || 'no reason given')))
    yield `     skipped: ${reason}`;
  for (const test of failed) {
    yield `  ✖ ${test.name}`;
    yield (test.error ?? '').replaceAll(/^/gm, '    ');
  }
  if (failed.length > 0 && output.trim() !== '') yield `  printed:\n${output.trimEnd().replaceAll(/^/gm, '    ')}`;
}

async function eachOf<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T, lane: number) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (_: unknown, lane: number) => {
    for (const item of queue) await work(item, lane);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
