import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTree } from '../temporary-tree.ts';
import { run } from './packages.ts';

interface Repository {
  readonly dependencies: Record<string, string>;
  readonly allowScripts: Record<string, boolean>;
  readonly page: string;
  readonly lock: Record<string, object>;
}

const good: Repository = {
  dependencies: { pg: '8.1.0' },
  allowScripts: { pg: true },
  page: '| package | version | why |\n| --- | --- | --- |\n| `pg` | 8.1.0 | talks to PostgreSQL |\n',
  lock: {
    '': {},
    'services/order': { version: '0.1.0' },
    'node_modules/@stoa/order': { resolved: 'services/order', link: true },
    'node_modules/pg': {
      version: '8.1.0',
      integrity: 'sha512-a',
      hasInstallScript: true,
      optionalDependencies: { 'pg-macos': '1.0.0' },
    },
    'node_modules/pg-macos': { version: '1.0.0', integrity: 'sha512-b', optional: true },
  },
};

const problemsOf = (changes: Partial<Repository>) => {
  const { dependencies, allowScripts, page, lock } = { ...good, ...changes };
  return withTree(
    {
      'package.json': JSON.stringify({ dependencies, allowScripts }),
      'package-lock.json': JSON.stringify({ packages: lock }),
      'docs/reference/dependencies.md': page,
    },
    run,
  );
};
const lockWith = (path: string, entry: object) => ({ lock: { ...good.lock, [path]: entry } });

test('exact, complete and explained dependencies are accepted', async () => {
  assert.deepEqual(await problemsOf({}), []);
});

test('a range of versions is refused', async () => {
  const page = good.page.replace('8.1.0', '^8.1.0');
  assert.deepEqual(await problemsOf({ dependencies: { pg: '^8.1.0' }, page }), [
    'package.json: pg ^8.1.0 is not an exact version',
  ]);
});

test('a dependency without a reason is refused', async () => {
  assert.match((await problemsOf({ page: '' })).join(), /pg is missing/);
});

test('a reason for another version is refused', async () => {
  assert.match((await problemsOf({ page: good.page.replace('8.1.0', '8.0.0') })).join(), /said to be 8\.0\.0/);
});

test('a reason for a dependency that is gone is refused', async () => {
  assert.match((await problemsOf({ page: `${good.page}| \`koa\` | 2.0.0 | x |\n` })).join(), /koa is no longer used/);
});

test('a lock file that lacks the package of another platform is refused', async () => {
  const { 'node_modules/pg-macos': _, ...lock } = good.lock;
  assert.match((await problemsOf({ lock })).join(), /wants pg-macos on some platform/);
});

test('a lock file that names a registry is refused', async () => {
  const entry = { version: '1.0.0', integrity: 'sha512-c', resolved: 'https://registry.example/a.tgz' };
  assert.match((await problemsOf(lockWith('node_modules/a', entry))).join(), /names the registry/);
});

test('a locked package without integrity is refused', async () => {
  assert.match((await problemsOf(lockWith('node_modules/a', { version: '1.0.0' }))).join(), /no integrity/);
});

test('an install script that nobody allowed is refused', async () => {
  assert.match((await problemsOf({ allowScripts: {} })).join(), /allowScripts does not speak of pg/);
});
