import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTree } from '../temporary-tree.ts';
import { run } from './access.ts';

const problemsOf = (access: string) =>
  withTree(
    {
      'contracts/src/order.ts': `export const order = { service: 'order', operations: { placeOrder: { ${access} } } };`,
    },
    run,
  );

for (const access of [
  "access: { who: 'anyone' }",
  "access: { who: 'staff', roles: [] }",
  "access: { who: 'owner', orRoles: ['support'] }",
]) {
  test(`an operation with ${access} is accepted`, async () => {
    assert.deepEqual(await problemsOf(access), []);
  });
}

test('an operation that does not say who may call it is refused', async () => {
  assert.deepEqual(await problemsOf(''), ['contracts/src/order.ts: order.placeOrder does not declare who may call it']);
});

test('an operation for somebody unknown is refused', async () => {
  assert.match((await problemsOf("access: { who: 'friends' }")).join(), /"friends"/);
});

test('an operation for staff without a list of roles is refused', async () => {
  assert.match((await problemsOf("access: { who: 'staff' }")).join(), /does not name its roles/);
});

test('an operation for a role nobody has is refused', async () => {
  assert.match((await problemsOf("access: { who: 'staff', roles: ['wizard'] }")).join(), /"wizard"/);
});

test('contracts without any operation are refused, as nothing was checked', async () => {
  assert.match((await withTree({ 'contracts/src/order.ts': 'export {};' }, run)).join(), /nothing was checked/);
});
