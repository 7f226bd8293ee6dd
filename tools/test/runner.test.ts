import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Files, withTree } from '../temporary-tree.ts';

const runner = fileURLToPath(new URL('../test.ts', import.meta.url));

/** Runs the runner on a repository that holds these files, as somebody at a terminal would, or as CI does. */
function runOn(
  files: Files,
  options: { args?: string[]; ci?: boolean } = {},
): Promise<{ code: number | null; lines: string[] }> {
  return withTree(files, (root) => {
    return new Promise((resolve) => {
      const { CI: _, NODE_TEST_CONTEXT: __, ...environment } = process.env;
      const child = spawn(process.execPath, [runner, '--root', root, ...(options.args ?? [])], {
        env: { ...environment, ...(options.ci ? { CI: 'true' } : {}) },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8');
      });
      child.on('close', (code) => resolve({ code, lines: output.trimEnd().split('\n') }));
    });
  });
}

const importTest = "import { describe, test } from 'node:test';";
const passing = `${importTest} test('two and two', () => {});`;
const failing = `${importTest} test('two and three', () => { throw new Error('six'); });`;
const skipping = `${importTest} test('later', { skip: 'the moon is down' }, () => {});`;

test('a run in which all passes ends well, and its last line says how many', async () => {
  const { code, lines } = await runOn({
    'platform/src/sum.test.ts': passing,
    'services/order/src/domain/order.test.ts': `${importTest} describe('an order', () => { test('a', () => {}); test('b', () => {}); });`,
  });
  assert.equal(code, 0);
  assert.equal(lines.at(-1), '3 passed, 0 failed');
});

test('a failing test fails the run, and its error is shown', async () => {
  const { code, lines } = await runOn({ 'platform/src/sum.test.ts': passing, 'cli/src/sum.test.ts': failing });
  assert.equal(code, 1);
  assert.equal(lines.at(-1), '1 passed, 1 failed');
  assert.match(lines.join('\n'), /two and three\n.*Error: six/);
});

test('a run without any test fails', async () => {
  const { code, lines } = await runOn({ 'platform/src/sum.ts': '' });
  assert.equal(code, 1);
  assert.equal(lines.at(-1), '0 passed, 0 failed');
});

test('a filter that matches nothing fails', async () => {
  const { code } = await runOn({ 'platform/src/sum.test.ts': passing }, { args: ['no-such-file'] });
  assert.equal(code, 1);
});

test('a file that holds no test fails', async () => {
  const { code, lines } = await runOn({ 'platform/src/sum.test.ts': 'export {};' });
  assert.equal(code, 1);
  assert.equal(lines.at(-1), '0 passed, 1 failed');
});

test('a file that dies before its tests fails, and what it printed is shown', async () => {
  const { code, lines } = await runOn({ 'platform/src/sum.test.ts': "console.log('last words'); process.exit(3);" });
  assert.equal(code, 1);
  assert.match(lines.join('\n'), /exit code 3/);
  assert.match(lines.join('\n'), /last words/);
});

test('what needs half of the machine runs beside another such, and what needs all of it alone', async () => {
  const head = '// load: half\n// limit: 20 s\n';
  const meets = (name: string, other: string) => `${importTest}
    import { existsSync, rmSync, writeFileSync } from 'node:fs';
    import { setTimeout as pause } from 'node:timers/promises';
    test('meets the other', async () => {
      writeFileSync('${name}', '');
      while (!existsSync('${other}')) await pause(20);
      writeFileSync('${name} runs', '');
      await pause(300);
      rmSync('${name} runs');
    });`;
  const alone = `${importTest}
    import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
    import { setTimeout as pause } from 'node:timers/promises';
    test('has it for itself', async () => {
      if (readdirSync('.').some((name) => name.endsWith(' runs'))) throw new Error('another runs');
      mkdirSync('all runs');
      await pause(300);
      rmdirSync('all runs');
    });`;
  const { code, lines } = await runOn({
    'tests/one.test.ts': head + meets('one', 'other'),
    'tests/other.test.ts': head + meets('other', 'one'),
    'tests/first.test.ts': alone,
    'tests/second.test.ts': alone,
  });
  if (availableParallelism() === 1) return assert.equal(lines.at(-1), '3 passed, 1 failed');
  assert.equal(code, 0, lines.join('\n'));
  assert.equal(lines.at(-1), '4 passed, 0 failed');
});

test('a file that hangs is ended at its limit, with what it started', async () => {
  const server =
    "require('node:net').createServer().listen(0, function () { console.log('port ' + this.address().port + ' end') })";
  const source = `// limit: 1 s\n${importTest}
    import { spawn } from 'node:child_process';
    test('waits', async () => {
      spawn(process.execPath, ['-e', ${JSON.stringify(server)}], { stdio: 'inherit' });
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const { code, lines } = await runOn({ 'platform/src/sum.test.ts': source });
  assert.equal(code, 1);
  assert.match(lines.join('\n'), /longer than its limit of 1 s/);
  const port = Number(lines.join('\n').match(/port (\d+) end/)?.[1]);
  await assert.rejects(once(connect(port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
});

test('a skipped test is counted and explained; only CI refuses it', async () => {
  const files = { 'platform/src/sum.test.ts': passing, 'cli/src/sum.test.ts': skipping };
  const atHome = await runOn(files);
  assert.equal(atHome.code, 0);
  assert.equal(atHome.lines.at(-1), '1 passed, 0 failed, 1 skipped');
  assert.match(atHome.lines.join('\n'), /skipped: the moon is down/);
  const inCi = await runOn(files, { ci: true });
  assert.equal(inCi.code, 1);
  assert.equal(inCi.lines.at(-1), '1 passed, 0 failed, 1 skipped');
});

test('a suite that is skipped is not passed over: none of its tests would be told of', async () => {
  const suite = `${importTest} describe('of root', { skip: 'only root can' }, () => { test('a', () => {}); });`;
  const { code, lines } = await runOn(
    { 'platform/src/sum.test.ts': passing + suite.slice(importTest.length) },
    { ci: true },
  );
  assert.equal(code, 1);
  assert.equal(lines.at(-1), '1 passed, 0 failed, 1 skipped');
  assert.match(lines.join('\n'), /skipped: only root can/);
});

test('a test that is still to do counts as skipped, not as passed', async () => {
  const { lines } = await runOn({
    'platform/src/sum.test.ts': `${importTest} test('later', { todo: true }, () => {});`,
  });
  assert.equal(lines.at(-1), '0 passed, 0 failed, 1 skipped');
});

test('tests are chosen by path and by name', async () => {
  const files = { 'platform/src/sum.test.ts': passing, 'platform/src/product.test.ts': failing };
  assert.equal((await runOn(files, { args: ['src/sum'] })).lines.at(-1), '1 passed, 0 failed');
  assert.equal((await runOn(files, { args: ['--grep', 'two and two'] })).lines.at(-1), '1 passed, 0 failed');
});

test('unit tests are those that need neither a database nor a server', async () => {
  const files = {
    'platform/src/sum.test.ts': passing,
    'platform/src/sum.int.test.ts': failing,
    'tests/e2e/sum.test.ts': failing,
    'cli/src/cache.test.ts': `// needs: redis\n${failing}`,
  };
  assert.equal((await runOn(files, { args: ['--unit'] })).lines.at(-1), '1 passed, 0 failed');
});

test('fixtures and installed packages are not searched for tests', async () => {
  const { lines } = await runOn({
    'platform/src/sum.test.ts': passing,
    'platform/fixtures/bad.test.ts': failing,
    'platform/node_modules/bad/bad.test.ts': failing,
  });
  assert.equal(lines.at(-1), '1 passed, 0 failed');
});

test('a test that needs a server nobody knows is refused', async () => {
  const { code } = await runOn({ 'platform/src/sum.test.ts': `// needs: abacus\n${passing}` });
  assert.notEqual(code, 0);
});
