import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockPath, readShapes } from '../message-shapes/read-shapes.ts';
import { withTree } from '../temporary-tree.ts';
import { run } from './message-shapes.ts';

const source = (payload: string, reply = "{ type: 'object' }") =>
  `export const contract = { service: 'order', operations: {},
    events: { paid: { type: 'order.paid.v1', payload: ${payload} } },
    commands: { hold: { type: 'stock.hold.v1', payload: { type: 'object' }, reply: ${reply} } } };`;
const line = (more = '') => `{ type: 'object', required: ['sku'], properties: { sku: { type: 'string' }${more} } }`;
const payload = ({ required = "'id'", id = "{ type: 'string' }", more = '', item = line() } = {}) =>
  `{ type: 'object', additionalProperties: false, required: [${required}], properties: { id: ${id}, lines: { type: 'array', items: ${item} },
    by: { anyOf: [{ type: 'string' }, { type: 'null' }] }${more} } }`;

/** What is found after the published contract has become another. */
const problemsAfter = (changed: string) =>
  withTree({ 'contracts/src/order.ts': source(payload()), 'contracts/src/none.ts': 'export {};' }, async (root) => {
    await writeFile(join(root, lockPath), JSON.stringify(await readShapes(root)));
    assert.deepEqual(await run(root), []);
    return withTree({ 'contracts/src/order.ts': changed, [lockPath]: JSON.stringify(await readShapes(root)) }, run);
  });

const rewrite = /run `node tools\/message-shapes\.ts`/;

for (const [what, changed] of [
  ['an optional field', source(payload({ more: ", note: { type: 'string' }" }))],
  ['an optional field of an item', source(payload({ item: line(", note: { type: 'string' }") }))],
  ['a message', source(payload()).replace('events: {', "events: { left: { type: 'order.left.v1', payload: {} },")],
] as const) {
  test(`${what} may come, and has to be written down`, async () => {
    const problems = await problemsAfter(changed);
    assert.equal(problems.length, 1);
    assert.match(problems.join(), rewrite);
  });
}

test('a remark may change', async () => {
  assert.deepEqual(await problemsAfter(source(payload({ id: "{ type: 'string', description: 'of the order' }" }))), []);
});

for (const [what, changed, words] of [
  [
    'a field that is gone',
    source(payload({ required: '' }).replace(/id: \{ type: 'string' \},/, '')),
    /order\.paid\.v1: \/id is gone/,
  ],
  ['a field of another type', source(payload({ id: "{ type: 'integer' }" })), /\/id was \{"type":"string"\} and is/],
  ['a field that takes less', source(payload({ id: "{ type: 'string', maxLength: 5 }" })), /\/id was/],
  [
    'a new field that is required',
    source(payload({ required: "'id', 'n'", more: ', n: {}' })),
    /\/n has become required/,
  ],
  ['a field that need not be there any more', source(payload({ required: '' })), /\/id is no longer required/],
  ['an item of another shape', source(payload({ item: "{ type: 'string' }" })), /\/lines\/\*/],
  ['another choice', source(payload().replace("{ type: 'null' }", "{ type: 'integer' }")), /\/by was/],
  [
    'one choice more',
    source(payload().replace("{ type: 'null' }", "{ type: 'null' }, {}")),
    /one of 3 and was one of 2/,
  ],
  ['another reply', source(payload(), "{ type: 'string' }"), /stock\.hold\.v1 reply: \/ was/],
  ['a message that is gone', source(payload()).replace('order.paid.v1', 'order.paid.v2'), /order\.paid\.v1: is gone/],
] as const) {
  test(`${what} is refused`, async () => {
    assert.match((await problemsAfter(changed)).join(), words);
  });
}

test('contracts without any message are refused, as nothing was checked', async () => {
  assert.match((await withTree({ 'contracts/src/order.ts': 'export {};' }, run)).join(), /nothing was checked/);
});
