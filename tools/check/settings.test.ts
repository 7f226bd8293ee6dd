import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTree } from '../temporary-tree.ts';
import { run } from './settings.ts';

const problemsOf = (source: string, page: string, path = 'system/src/main.ts') =>
  withTree({ [path]: source, 'docs/reference/settings.md': page }, run);

const dataDir = '| `STOA_DATA_DIR` | where data is | ./.stoa |\n';

test('a page that describes what is read is accepted', async () => {
  assert.deepEqual(await problemsOf('const { STOA_DATA_DIR } = environment;', dataDir), []);
});

test('a setting that is read and not described is refused', async () => {
  assert.deepEqual(await problemsOf("environment['STOA_HOST']; environment.STOA_DATA_DIR;", dataDir), [
    'docs/reference/settings.md does not describe STOA_HOST, which system/src/main.ts reads',
  ]);
});

test('a setting that is described and not read is refused', async () => {
  assert.match(
    (await problemsOf('environment.PORT', `${dataDir}| \`PORT\` | a port | 3000 |\n`)).join(),
    /STOA_DATA_DIR, which nothing reads/,
  );
});

test('a setting that is described twice is refused', async () => {
  const page = `${dataDir}\n${dataDir.replace('./.stoa', 'elsewhere')}`;
  assert.deepEqual(await problemsOf('environment.STOA_DATA_DIR', page), [
    'docs/reference/settings.md describes STOA_DATA_DIR twice',
  ]);
});

test('a comment reads nothing', async () => {
  assert.deepEqual(await problemsOf('// STOA_HOST\n/** `STOA_PORTS` */\nenvironment.STOA_DATA_DIR;', dataDir), []);
});

test('a setting with the name of a service in it is described once', async () => {
  const source = `environment[\`STOA_\${service.toUpperCase()}_DATABASE_URL\`]`;
  assert.deepEqual(await problemsOf(source, '| `STOA_<SERVICE>_DATABASE_URL` | a database | |\n'), []);
});

test('what only tests read needs no description', async () => {
  const sources = {
    'system/src/main.ts': 'environment.STOA_DATA_DIR',
    'system/src/main.test.ts': 'STOA_A',
    'platform/src/testing/database.ts': 'STOA_B',
  };
  assert.deepEqual(await withTree({ ...sources, 'docs/reference/settings.md': dataDir }, run), []);
});

test('sources that read no setting are refused, as nothing was checked', async () => {
  assert.match((await problemsOf('export {};', dataDir)).join(), /nothing was checked/);
});
