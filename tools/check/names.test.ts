import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTree } from '../temporary-tree.ts';
import { run } from './names.ts';

const problemsOf = (...paths: string[]) => withTree(Object.fromEntries(paths.map((path) => [path, ''])), run);

test('names that say what is inside are accepted', async () => {
  const problems = await problemsOf(
    'services/order/src/commands/place-order.ts',
    'services/order/migrations/0001-orders.sql',
    'services/order/README.md',
    'platform/src/auth/common-passwords.ts',
    'platform/src/outbox/outbox.int.test.ts',
    'tools/fixtures/utils.ts',
  );
  assert.deepEqual(problems, []);
});

for (const path of [
  'services/order/src/placeOrder.ts',
  'services/order/src/PlaceOrder.ts',
  'services/order/src/place_order.ts',
  'services/order/src/Commands/place-order.ts',
]) {
  test(`${path} is refused because it is not kebab-case`, async () => {
    assert.match((await problemsOf(path)).join(), /kebab-case/);
  });
}

for (const path of [
  'platform/src/utils/index.ts',
  'services/order/src/helpers.ts',
  'services/order/src/common/order.ts',
  'services/order/src/shared.ts',
  'services/order/src/misc.ts',
  'services/order/src/order-manager.ts',
  'services/order/src/order-utils.ts',
  'services/order/src/base.ts',
  'services/order/src/order-impl.ts',
  'services/order/src/data.ts',
  'services/order/src/info.ts',
]) {
  test(`${path} is refused because its name fits anything`, async () => {
    assert.match((await problemsOf(path)).join(), /fits anything/);
  });
}
