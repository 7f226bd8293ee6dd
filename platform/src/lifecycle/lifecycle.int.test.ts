import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { drainInOrder } from './index.ts';

const face = new URL('./index.ts', import.meta.url).href;

/** Runs a program in a process of its own; what it printed, and how it ended. */
function run(
  source: string,
  environment: Record<string, string>,
  onOutput: (kill: (signal: NodeJS.Signals) => void, seen: string) => void = () => undefined,
) {
  return new Promise<{ output: string; code: number | null; signal: string | null }>((resolve) => {
    const args = [
      '--input-type=module-typescript',
      '-e',
      `import * as lifecycle from ${JSON.stringify(face)};\n${source}`,
    ];
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      onOutput((signal) => child.kill(signal), output);
    });
    child.on('exit', (code, signal) => resolve({ output, code, signal }));
  });
}

describe('a crash point', () => {
  const walk =
    'for (let at = 1; at <= 5; at++) { lifecycle.crashPoint("relay.other"); lifecycle.crashPoint("relay.before-confirm"); console.log(at); }';

  test('kills the process at the passage that was named, and says so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stoa-crash-'));
    const log = join(folder, 'crashes');
    const environment = { STOA_TEST_MODE: '1', STOA_CRASH_AT: 'relay.before-confirm:3', STOA_CRASH_LOG: log };
    const { output, signal } = await run(walk, environment);
    deepEqual([output, signal], ['1\n2\n', 'SIGKILL']);
    equal(readFileSync(log, 'utf8'), 'crash-point relay.before-confirm\n');
    rmSync(folder, { recursive: true });
  });

  test('does nothing outside of test mode', async () => {
    const { output, code } = await run(walk, { STOA_CRASH_AT: 'relay.before-confirm:3' });
    deepEqual([output, code], ['1\n2\n3\n4\n5\n', 0]);
  });

  test('costs next to nothing when it is not armed', async () => {
    const { crashPoint } = await import('./index.ts');
    const startedMs = performance.now();
    for (let at = 0; at < 10_000_000; at++) crashPoint('relay.before-confirm');
    ok(performance.now() - startedMs < 500, 'ten million passages took longer than half a second');
  });
});

describe('draining', () => {
  test('takes one step after the other, and leaves behind those that fail or hang', async () => {
    const done: string[] = [];
    const never = new Promise<void>(() => undefined);
    const keepAlive = setInterval(() => undefined, 1_000);
    const startedMs = Date.now();
    const result = await drainInOrder(
      [
        { name: 'stop accepting', run: () => void done.push('stop accepting') },
        {
          name: 'broken',
          run: () => {
            throw new Error('broken');
          },
        },
        { name: 'hanging', run: () => never, timeoutMs: 100 },
        { name: 'hand back', run: async () => void done.push('hand back') },
      ],
      Date.now() + 5_000,
    );
    clearInterval(keepAlive);
    deepEqual(done, ['stop accepting', 'hand back']);
    deepEqual(result.unfinished, [
      { name: 'broken', reason: 'broken' },
      { name: 'hanging', reason: 'ran out of time' },
    ]);
    ok(Date.now() - startedMs < 2_000);
  });

  test('still gives the last steps a moment when the time is up', async () => {
    const done: string[] = [];
    await drainInOrder([{ name: 'close', run: async () => void done.push('close') }], Date.now() - 1_000);
    deepEqual(done, ['close']);
  });
});

describe('a signal', () => {
  const serve = (drain: string) => `lifecycle.onSignals(${drain}); setInterval(() => {}, 1000); console.log('ready');`;

  test('drains, then exits with 0', async () => {
    const { output, code } = await run(serve("async () => { console.log('drained'); }"), {}, (kill) => kill('SIGTERM'));
    deepEqual([output, code], ['ready\ndrained\n', 0]);
  });

  test('that arrives twice is one, whichever way it came', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const drain =
        "() => new Promise((resolve) => { process.once('SIGUSR2', () => { console.log('drained'); resolve(); }); console.log('draining'); })";
      const { output, code } = await run(serve(drain), {}, (kill, seen) => {
        if (seen === 'ready\n') for (let time = 0; time < 2; time++) kill(signal);
        else if (seen.endsWith('draining\n')) kill('SIGUSR2');
      });
      deepEqual([output, code], ['ready\ndraining\ndrained\n', 0]);
    }
  });

  test('exits with 1 when draining fails, and at once on Ctrl-C pressed again', async () => {
    const failed = await run(serve("async () => { throw new Error('no'); }"), {}, (kill) => kill('SIGINT'));
    equal(failed.code, 1);
    const drain =
      "() => { console.log('draining'); setTimeout(() => console.log('still'), 1_000); return new Promise(() => {}); }";
    const hurried = await run(serve(drain), {}, (kill, seen) => {
      if (!seen.endsWith('draining\n')) kill('SIGINT');
    });
    deepEqual([hurried.output, hurried.code], ['ready\ndraining\nstill\n', 1]);
  });
});
