import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTree } from '../temporary-tree.ts';
import { run } from './links.ts';

const problemsOf = (page: string) =>
  withTree({ 'docs/page.md': page, 'README.md': '# A shop: first steps\n[docs](docs)' }, run);

for (const page of [
  '[up](../README.md)',
  '[part](../README.md#a-shop-first-steps)',
  '# Here\n[here](#here)',
  '[web](https://stoa.example/x)',
]) {
  test(`${JSON.stringify(page)} leads somewhere`, async () => {
    assert.deepEqual(await problemsOf(page), []);
  });
}

test('a link to a file that is not there is refused', async () => {
  assert.deepEqual(await problemsOf('see [it](gone.md)'), ['docs/page.md leads to gone.md, which does not exist']);
});

test('a picture that is not there is refused', async () => {
  assert.equal((await problemsOf('![it](gone.svg)')).length, 1);
});

test('a heading that is not there is refused', async () => {
  assert.match((await problemsOf('[it](../README.md#second-steps)')).join(), /no such heading/);
});

test('what looks like a link in code is none', async () => {
  assert.deepEqual(await problemsOf('`[a](b)`\n```\n[c](d)\n```\n'), []);
});

test('pages without links are refused, as nothing was checked', async () => {
  assert.match((await withTree({ 'README.md': 'a shop' }, run)).join(), /nothing was checked/);
});
