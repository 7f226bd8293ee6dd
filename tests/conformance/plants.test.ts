// limit: 480 s
// load: half
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type PlantName, plants } from './plants/plants.ts';

/*
 * The suite is only worth what it finds: here it runs on shops in which a difference between one process and many is planted, and has to turn red.
 */

const suite = fileURLToPath(new URL('plants/planted-shop.ts', import.meta.url));

describe('the suite', () => {
  for (const [name, { turnsRed }] of Object.entries(plants)) {
    const finding = turnsRed.length === 0 ? 'finds nothing wrong with' : 'turns red at';
    it(`${finding} ${name}`, async () => {
      const { failed, output } = await runOn(name as PlantName);
      if (turnsRed.length === 0) assert.deepEqual(failed, [], output);
      for (const test of turnsRed) assert.ok(failed.includes(test), `${test} is green\n${output}`);
    });
  }
});

/** Runs the suite in a process of its own; the names of its tests that failed. */
function runOn(plant: PlantName): Promise<{ failed: string[]; output: string }> {
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const args = ['--disable-warning=DeprecationWarning', '--test-reporter=tap', suite, plant];
  return new Promise((resolve, reject) =>
    execFile(process.execPath, args, { env, maxBuffer: 64 * 1_048_576 }, (_error, stdout, stderr) => {
      const passed = [...stdout.matchAll(/^ *ok \d+ - (.*)$/gm)];
      const failed = [...stdout.matchAll(/^ *not ok \d+ - (.*)$/gm)].map(([, test]) => test as string);
      // A suite that did not run has found nothing.
      if (passed.length + failed.length < 10) reject(new Error(`the suite did not run:\n${stdout}\n${stderr}`));
      else resolve({ failed, output: stdout.slice(-20_000) });
    }),
  );
}
