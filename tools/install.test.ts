import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { pinnedNode, staleReason } from './install.mjs';
import { type Files, withTree } from './temporary-tree.ts';

const pg = { version: '8.1.0', integrity: 'sha512-a' };
const locked = {
  '': { name: 'stoa' },
  'services/order': { version: '0.1.0' },
  'node_modules/pg': pg,
  'node_modules/pg-macos': { version: '1.0.0', integrity: 'sha512-b', optional: true },
};
const installed = { 'node_modules/pg': pg };

const lockFile = (packages: object) => JSON.stringify({ packages });
const reasonFor = (wanted: object, present: object, more: Files = { 'node_modules/pg/index.js': '' }) =>
  withTree(
    { 'package-lock.json': lockFile(wanted), 'node_modules/.package-lock.json': lockFile(present), ...more },
    async (root) => staleReason(root),
  );

test('nothing is installed again while everything is there', async () => {
  assert.equal(await reasonFor(locked, installed), undefined);
});

test('a fresh clone is installed', async () => {
  const reason = await withTree({ 'package-lock.json': lockFile(locked) }, async (root) => staleReason(root));
  assert.equal(reason, 'nothing is installed yet');
});

test('a package that the lock file gained is installed', async () => {
  const reason = await reasonFor({ ...locked, 'node_modules/kysely': pg }, installed);
  assert.equal(reason, 'node_modules/kysely is missing');
});

test('a package that the lock file changed is installed', async () => {
  const reason = await reasonFor({ ...locked, 'node_modules/pg': { ...pg, version: '8.2.0' } }, installed);
  assert.equal(reason, 'node_modules/pg has changed');
});

test('a package that the lock file lost is removed', async () => {
  const reason = await reasonFor(locked, { ...installed, 'node_modules/koa': pg }, { 'node_modules/pg/index.js': '' });
  assert.equal(reason, 'node_modules/koa is no longer wanted');
});

test('a package whose folder somebody deleted is installed', async () => {
  assert.equal(await reasonFor(locked, installed, {}), 'node_modules/pg is missing');
});

test('a pinned Node that is not there, or is another version, is installed', async () => {
  const wanted = { ...locked, 'node_modules/node': { ...pg, version: '24.1.0' } };
  const present = { ...installed, 'node_modules/node': { ...pg, version: '24.1.0' } };
  const files = { 'node_modules/pg/index.js': '', 'node_modules/node/package.json': '{}' };
  assert.equal(await reasonFor(wanted, present, files), 'the pinned Node 24.1.0 is missing');

  const answering = (version: string) =>
    withTree(
      { ...files, 'package-lock.json': lockFile(wanted), 'node_modules/.package-lock.json': lockFile(present) },
      async (root) => {
        await mkdir(dirname(pinnedNode(root)), { recursive: true });
        await writeFile(pinnedNode(root), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
        return staleReason(root);
      },
    );
  assert.equal(await answering('v20.0.0'), 'the pinned Node 24.1.0 is missing');
  assert.equal(await answering('v24.1.0'), undefined);
});
