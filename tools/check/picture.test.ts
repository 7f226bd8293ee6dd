import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { drawShop } from '../picture/draw-shop.ts';
import { insertList } from '../picture/insert-list.ts';
import { listShop } from '../picture/list-shop.ts';
import { readShop } from '../picture/read-shop.ts';
import { withTree } from '../temporary-tree.ts';
import { run } from './picture.ts';

const contract = (events: string) =>
  `contract: { operations: { get: { access: { who: 'anyone' } }, ask: { access: { who: 'internal' } } }, events: { ${events} } }`;
const paid = "paid: { type: 'order.paid.v1' }";
const services = `export const services = [
  { name: 'order', ${contract(paid)}, sagas: [{ name: 'check-out', steps: [
    { kind: 'command', command: { type: 'stock.reserve.v1', to: 'inventory' } }, { kind: 'local' },
    { kind: 'command', command: { type: 'stock.commit.v1', to: 'inventory' } }] }] },
  { name: 'inventory', ${contract('')}, commands: [{ command: { type: 'stock.reserve.v1' } }, { command: { type: 'stock.commit.v1' } }] },
  { name: 'analytics', ${contract('')}, reactions: [{ event: { type: 'order.paid.v1' } }] },
];`;
const files = {
  'system/src/services.ts': services,
  'services/order/src/service.ts': 'export {};',
  'services/inventory/src/jobs/sweep.ts': 'service.client(orderContract)',
  'services/inventory/src/sweep.test.ts': 'service.client(analyticsContract)',
  'services/analytics/src/service.ts': 'export {};',
  'ARCHITECTURE.md': '# The shop\n<!-- from the code: node tools/picture.ts -->\n<!-- until here -->\n',
  'docs/architecture.svg': '',
};

/** A tree whose picture is what its code says, and then a change. */
const problemsAfter = (change: (root: string) => Promise<void>, more: Partial<typeof files> = {}) =>
  withTree({ ...files, ...more }, async (root) => {
    const shop = await readShop(root);
    await writeFile(join(root, 'docs/architecture.svg'), drawShop(shop));
    const page = join(root, 'ARCHITECTURE.md');
    await writeFile(page, insertList(await readFile(page, 'utf8'), listShop(shop)));
    await change(root);
    return run(root);
  });

test('the picture shows commands, events and calls as the code has them', async () => {
  const { links, services: shown } = await withTree(files, readShop);
  assert.deepEqual(links, [
    { kind: 'command', from: 'order', to: 'inventory', what: ['stock.reserve.v1', 'stock.commit.v1'] },
    { kind: 'event', from: 'order', to: 'analytics', what: ['order.paid.v1'] },
    { kind: 'call', from: 'inventory', to: 'order', what: ['order'] },
  ]);
  assert.deepEqual(
    shown.map(({ name, routeCount }) => [name, routeCount]),
    [
      ['order', 1],
      ['inventory', 1],
      ['analytics', 1],
    ],
  );
});

test('a picture drawn from the code is accepted', async () => {
  assert.deepEqual(await problemsAfter(async () => {}), []);
});

test('a picture drawn by hand is refused', async () => {
  const problems = await problemsAfter((root) => writeFile(join(root, 'docs/architecture.svg'), '<svg/>'));
  assert.match(problems.join(), /docs\/architecture\.svg is not what the code says/);
});

test('a call that the picture does not show is refused', async () => {
  const problems = await problemsAfter((root) =>
    writeFile(join(root, 'services/analytics/src/service.ts'), 'client(inventoryContract)'),
  );
  assert.equal(problems.length, 2);
});

test('a reaction to an event that nobody tells is refused', async () => {
  const problems = await problemsAfter(async () => {}, {
    'system/src/services.ts': services.replace("paid: { type: 'order.paid.v1' }", ''),
  });
  assert.deepEqual(problems, ['analytics hears order.paid.v1, which nobody tells']);
});
