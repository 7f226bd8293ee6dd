import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** A clone in which src/main.ts tells what it was given, and does as it is told. */
let clone = '';
const program = `
  const [command, argument] = process.argv.slice(2);
  if (command === 'exit') process.exit(Number(argument));
  if (command === 'wait') {
    process.on('SIGTERM', () => { console.log('drained'); process.exit(7); });
    setInterval(() => {}, 1000);
    console.log('ready');
  } else console.log(JSON.stringify({ version: process.version, arguments: process.argv.slice(2) }));
`;

before(async () => {
  clone = await realpath(await mkdtemp(join(tmpdir(), 'stoa-bin-')));
  await mkdir(join(clone, 'cli/bin'), { recursive: true });
  await mkdir(join(clone, 'cli/src'));
  await mkdir(join(clone, 'node_modules/node/bin'), { recursive: true });
  await cp(fileURLToPath(new URL('stoa.mjs', import.meta.url)), join(clone, 'cli/bin/stoa.mjs'));
  await writeFile(join(clone, 'cli/package.json'), '{ "type": "module" }');
  await writeFile(join(clone, 'cli/src/main.ts'), program);
  await symlink(process.execPath, join(clone, 'node_modules/node/bin/node'));
});
after(() => rm(clone, { recursive: true }));

/** `withoutExec` makes Node look like version 20, which cannot replace itself by another program. */
const withoutExec = ['--import', 'data:text/javascript,delete process.execve'];

for (const [kind, flags] of Object.entries({ 'replaced by the program': [], 'waiting for the program': withoutExec })) {
  const args = (...words: string[]) => [...flags, join(clone, 'cli/bin/stoa.mjs'), ...words];

  test(`${kind}: arguments reach it as they are, on the pinned Node`, () => {
    const { stdout } = spawnSync(process.execPath, args('replay', 'a b.csv', '--json'), { encoding: 'utf8' });
    assert.deepEqual(JSON.parse(stdout), { version: process.version, arguments: ['replay', 'a b.csv', '--json'] });
  });

  test(`${kind}: its exit code is kept`, () => {
    assert.equal(spawnSync(process.execPath, args('exit', '6')).status, 6);
  });

  test(`${kind}: SIGTERM reaches it, and it may take its time`, async () => {
    const child = spawn(process.execPath, args('wait'), { stdio: ['ignore', 'pipe', 'inherit'] });
    await untilPrinted(child, 'ready');
    child.kill('SIGTERM');
    await untilPrinted(child, 'drained');
    const [code] = await once(child, 'exit');
    assert.equal(code, 7);
  });
}

test('in a clone that is not installed it says what to do', async () => {
  await rm(join(clone, 'node_modules'), { recursive: true });
  const { status, stderr } = spawnSync(process.execPath, [join(clone, 'cli/bin/stoa.mjs')], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /npm ci/);
});

async function untilPrinted(child: ChildProcess, text: string): Promise<void> {
  assert.ok(child.stdout);
  let printed = '';
  while (!printed.includes(text)) {
    const [chunk] = await once(child.stdout, 'data');
    printed += String(chunk);
  }
}
