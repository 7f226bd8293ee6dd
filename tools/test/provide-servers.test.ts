import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { withTree } from '../temporary-tree.ts';
import { type Machine, provideServers } from './provide-servers.ts';
import { findServer, type TestServer, testServers } from './test-servers.ts';

/** A server that no machine has, in place of the real ones. */
const abacus: TestServer = {
  commands: ['stoa-abacus'],
  variable: 'STOA_TEST_ABACUS',
  debian: { packages: ['abacus-server'], release: 'bullseye' },
  elsewhere: 'https://abacus.example',
};

interface Asked {
  readonly installed: TestServer[];
  readonly said: string[];
}

function bareMachine(asked: Asked, changes: Partial<Machine> = {}): Machine {
  return {
    environment: { PATH: '' },
    canInstall: true,
    ask: undefined,
    install: async (server) => {
      asked.installed.push(server);
    },
    say: (line) => asked.said.push(line),
    ...changes,
  };
}

const nobodyAsked = (): Asked => ({ installed: [], said: [] });

test('a program is found on the path', async () => {
  await withTree({ 'bin/stoa-abacus': '' }, async (root) => {
    await chmod(join(root, 'bin/stoa-abacus'), 0o755);
    assert.equal(findServer(abacus, { PATH: `/nowhere:${root}/bin` }), `${root}/bin/stoa-abacus`);
  });
});

test('the variable comes before the path', async () => {
  await withTree({ 'bin/stoa-abacus': '', other: '' }, async (root) => {
    assert.equal(findServer(abacus, { PATH: `${root}/bin`, STOA_TEST_ABACUS: `${root}/other` }), `${root}/other`);
  });
});

test('a variable that leads nowhere is an error, not a reason to take another program', () => {
  assert.throws(
    () => findServer(abacus, { STOA_TEST_ABACUS: '/nowhere/abacus' }),
    /STOA_TEST_ABACUS is \/nowhere\/abacus/,
  );
});

test('where nothing can be installed, the missing server is named with every way to get it', async () => {
  const asked = nobodyAsked();
  const machine = bareMachine(asked, { canInstall: false });
  const { missing } = await provideServers(['abacus'], machine, { abacus });
  assert.deepEqual(missing, ['abacus']);
  assert.deepEqual(asked.installed, []);
  for (const part of ['abacus-server (Debian bullseye)', 'https://abacus.example', 'STOA_TEST_ABACUS']) {
    assert.ok(asked.said.join('\n').includes(part), `${part} is not in: ${asked.said.join('\n')}`);
  }
});

test('without a terminal the server is installed unasked, and its path handed to the tests', async () => {
  await withTree({}, async (root) => {
    const asked = nobodyAsked();
    const machine = bareMachine(asked, {
      environment: { PATH: root },
      install: (server) => writeFile(join(root, server.commands[0] ?? ''), '', { mode: 0o755 }),
    });
    const provided = await provideServers(['abacus', 'abacus'], machine, { abacus });
    assert.deepEqual(provided, { environment: { STOA_TEST_ABACUS: join(root, 'stoa-abacus') }, missing: [] });
    assert.match(asked.said.join(), /Installing abacus/);
  });
});

test('a person who says no keeps the machine as it is', async () => {
  const asked = nobodyAsked();
  const { missing } = await provideServers(['abacus'], bareMachine(asked, { ask: async () => false }), { abacus });
  assert.deepEqual(missing, ['abacus']);
  assert.deepEqual(asked.installed, []);
});

test('an installation that fails leaves the server missing, and says why', async () => {
  const asked = nobodyAsked();
  const machine = bareMachine(asked, { install: () => Promise.reject(new Error('the mirror is down')) });
  const { missing } = await provideServers(['abacus'], machine, { abacus });
  assert.deepEqual(missing, ['abacus']);
  assert.match(asked.said.join(), /the mirror is down/);
});

test('an installation that brings no program leaves the server missing', async () => {
  const asked = nobodyAsked();
  const { missing } = await provideServers(['abacus'], bareMachine(asked), { abacus });
  assert.deepEqual(missing, ['abacus']);
  assert.match(asked.said.join(), /brought no stoa-abacus/);
});

test('every server of the table can be told apart by its variable', () => {
  const variables = Object.values(testServers).map((server) => server.variable);
  assert.equal(new Set(variables).size, variables.length);
});

test('what is said while servers are provided leaves stdout to data', () => {
  const module = new URL('./provide-servers.ts', import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(({ thisMachine }) => thisMachine().say('Installing …'))`;
  const { stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, '-e', script], { encoding: 'utf8' });
  assert.deepEqual([stdout, stderr.includes('Installing …')], ['', true]);
});
