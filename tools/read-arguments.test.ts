import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const programs = {
  'npm test': new URL('test.ts', import.meta.url),
  'npm run check': new URL('check.ts', import.meta.url),
  'npm run bench': new URL('../bench/run.ts', import.meta.url),
};

function runProgram(program: URL, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(program), ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

for (const [name, program] of Object.entries(programs)) {
  test(`${name} tells how it is used`, () => {
    const { status, stdout, stderr } = runProgram(program, ['--help']);
    assert.equal(status, 0);
    assert.ok(stdout.startsWith(`Usage: ${name} -- [`), stdout);
    assert.equal(stderr, '');
  });

  test(`${name} refuses an option there is not, and tells how it is used`, () => {
    const { status, stdout, stderr } = runProgram(program, ['--no-such-option']);
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.ok(stderr.startsWith(`Unknown option '--no-such-option'.\n\nUsage: ${name} -- [`), stderr);
  });
}

test('a check or a scenario there is not is refused by name', () => {
  for (const args of [['no-such-check'], ['--without', 'no-such-check']]) {
    const { status, stderr } = runProgram(programs['npm run check'], args);
    assert.equal(status, 2);
    assert.ok(stderr.startsWith('There is nothing named no-such-check.\n\n'), stderr);
  }
  assert.equal(runProgram(programs['npm run bench'], ['checkout', 'no-such-scenario']).status, 2);
});
