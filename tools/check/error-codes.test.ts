import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTree } from '../temporary-tree.ts';
import { run } from './error-codes.ts';

const problemsOf = (page: string, contract = "'order.empty': { status: 422, title: 'No items' }", source = '') =>
  withTree(
    {
      'services/order/src/commands/place-order.ts': source,
      'platform/src/errors/index.ts': "export const kitErrors = { internal: { status: 500, title: 'Our fault' } };",
      'contracts/src/order.ts': `export const orderContract = { service: 'order', operations: {}, errors: { ${contract} } };`,
      'docs/reference/errors.md': page,
    },
    run,
  );

const internal = '| `internal` | 500 | Our fault | Report it. |\n';
const empty = '| `order.empty` | 422 | No items | Name one. |\n';

test('a page that says what the code says is accepted', async () => {
  assert.deepEqual(await problemsOf(internal + empty), []);
});

test('a code of a contract that the page leaves out is refused', async () => {
  assert.match((await problemsOf(internal)).join(), /does not describe order\.empty \(422/);
});

test('a code of the kit that the page leaves out is refused', async () => {
  assert.match((await problemsOf(empty)).join(), /does not describe internal \(500/);
});

test('a status or a title that has changed is refused', async () => {
  assert.match(
    (await problemsOf(internal + empty.replace('422', '400'))).join(),
    /says 400 "No items" of order\.empty/,
  );
  assert.match((await problemsOf(internal.replace('Our', 'Your') + empty)).join(), /says 500 "Your fault" of internal/);
});

test('a code without advice is refused', async () => {
  assert.match((await problemsOf(internal + empty.replace('Name one. ', ''))).join(), /what to do about order\.empty/);
});

test('a code that nobody answers with any more is refused', async () => {
  const gone = '| `order.gone` | 410 | Gone | Nothing. |\n';
  assert.match((await problemsOf(internal + empty + gone)).join(), /order\.gone, which nobody answers with/);
});

test('a code that is described twice is refused', async () => {
  const problems = await problemsOf(internal + empty + empty.replace('Name one.', 'Name two.'));
  assert.deepEqual(problems, ['docs/reference/errors.md describes order.empty twice']);
});

test('a reason that no contract declares is refused', async () => {
  const reasons = (source: string) => problemsOf(internal + empty, undefined, source);
  assert.deepEqual(await reasons("throw refusal('order.empty', 'Nothing.');"), []);
  for (const source of ["throw refusal(\n  'order.gone', 'It is gone.');", "failure = { code: 'order.gone', detail }"])
    assert.match((await reasons(source)).join(), /place-order\.ts gives the reason order\.gone/);
});
