import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CategoryNode } from '@stoa/contracts/product';
import { type Answered, type HostedProduct, hostProduct } from './testing/host-product.ts';

let host: HostedProduct;

before(async () => {
  host = await hostProduct('product categories');
});
after(() => host.close());

const create = (body: object) => host.call('POST', '/api/v1/categories', { as: 'merchandiser', body });
const change = (id: string, body: object, headers = {}) =>
  host.call('PATCH', `/api/v1/categories/${id}`, { as: 'merchandiser', body, headers });
const remove = (id: string, headers = {}) =>
  host.call('DELETE', `/api/v1/categories/${id}`, { as: 'merchandiser', headers });
const tree = async () => (await host.call('GET', '/api/v1/categories')).body.items as CategoryNode[];
const nobody = '0190f1e0-0000-7000-8000-00000000dead';

function assertProblem(answer: Answered, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.body.code], [status, code], answer.text);
}

describe('the tree of categories', () => {
  it('lists siblings by position, then by title', async () => {
    const root = (await create({ title: 'Sorted' })).body;
    assert.deepEqual([root.slug, root.parentId, root.version], ['sorted', null, 1]);
    await create({ title: 'Plates', parentId: root.id, position: 2 });
    await create({ title: 'Mugs', parentId: root.id, position: 2 });
    await create({ title: 'Zinc', parentId: root.id, position: 1 });
    const node = (await tree()).find(({ id }) => id === root.id);
    assert.deepEqual(
      node?.children.map(({ title }) => title),
      ['Zinc', 'Mugs', 'Plates'],
    );
  });

  it('loses a category beside products that are put into it: they make it anew, or it stays', async () => {
    const product = { title: 'Cup', variants: [{ sku: 'CUP-RACING', price: { amount: 100, currency: 'EUR' } }] };
    const put = (method: string, path: string, body: object) => host.call(method, path, { as: 'merchandiser', body });
    const { id } = (await put('POST', '/api/v1/products', product)).body;
    for (let round = 0; round < 30; round++) {
      const { body } = await create({ title: `Racing ${round}` });
      const sku = `CUP-RACING-${round}`;
      const [removed, made, changed] = await Promise.all([
        remove(body.id),
        put('POST', '/api/v1/products', {
          ...product,
          category: body.slug,
          variants: [{ ...product.variants[0], sku }],
        }),
        put('PATCH', `/api/v1/products/${id}`, { category: body.slug }),
      ]);
      assert.ok([204, 409].includes(removed.status), removed.text);
      assert.deepEqual([made.status, made.body.category], [201, body.slug], made.text);
      assert.deepEqual([changed.status, changed.body.category], [200, body.slug], changed.text);
      await put('PATCH', `/api/v1/products/${id}`, { category: null });
    }
  });

  it('has a slug once, even when twenty want it', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => create({ title: 'Wanted' })));
    assert.equal(answers.filter(({ status }) => status === 201).length, 1);
    for (const answer of answers.filter(({ status }) => status !== 201))
      assertProblem(answer, 409, 'category.slug-taken');
  });

  it('is six levels deep at the most, also when a branch is moved', async () => {
    let parentId: string | undefined;
    const ids: string[] = [];
    for (let level = 1; level <= 6; level++) {
      parentId = (await create({ title: `Level ${level}`, ...(parentId && { parentId }) })).body.id;
      ids.push(parentId);
    }
    assertProblem(await create({ title: 'Level 7', parentId }), 409, 'category.too-deep');
    const { body: top } = await create({ title: 'Above all' });
    assertProblem(await change(ids[0] as string, { parentId: top.id }), 409, 'category.too-deep');
    assert.equal((await change(ids[1] as string, { parentId: top.id })).status, 200);
  });

  it('never has a cycle, even when two moves at once would make one together', async () => {
    for (let round = 0; round < 5; round++) {
      const [a, b] = [(await create({ title: `A ${round}` })).body, (await create({ title: `B ${round}` })).body];
      const answers = await Promise.all([change(a.id, { parentId: b.id }), change(b.id, { parentId: a.id })]);
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 409]);
      assertProblem(answers.find(({ status }) => status === 409) as Answered, 409, 'category.cycle');
      assertProblem(await change(a.id, { parentId: a.id }), 409, 'category.cycle');
    }
  });

  it('refuses a parent that does not exist', async () => {
    assertProblem(await create({ title: 'Orphan', parentId: nobody }), 422, 'category.unknown-parent');
  });
});

describe('changing a category', () => {
  it('renames it, counts its version on, and refuses whoever read an older one', async () => {
    const { body } = await create({ title: 'Old name' });
    const answer = await change(body.id, { title: 'New name', position: 3 }, { 'if-match': '"1"' });
    assert.deepEqual([answer.body.title, answer.body.slug, answer.body.version], ['New name', 'old-name', 2]);
    assertProblem(await change(body.id, { title: 'Newer' }, { 'if-match': '"1"' }), 412, 'resource.stale');
    assertProblem(await change(body.id, { slug: 'other' }), 400, 'request.invalid');
    assertProblem(await change(nobody, { title: 'x' }), 404, 'category.not-found');
  });
});

describe('deleting a category', () => {
  it('is refused while products or categories are in it', async () => {
    const { body: full } = await create({ title: 'Full' });
    const { body: child } = await create({ title: 'Child', parentId: full.id });
    assertProblem(await remove(full.id), 409, 'category.in-use');
    assert.equal((await remove(child.id)).status, 204);
    const product = {
      title: 'In it',
      category: full.id,
      variants: [{ sku: 'IN-1', price: { amount: 1, currency: 'EUR' } }],
    };
    const made = await host.call('POST', '/api/v1/products', { as: 'merchandiser', body: product });
    assert.equal(made.body.category, 'full');
    assertProblem(await remove(full.id), 409, 'category.in-use');
    await host.call('PATCH', `/api/v1/products/${made.body.id}`, { as: 'merchandiser', body: { category: null } });
    assertProblem(await remove(full.id, { 'if-match': '"9"' }), 412, 'resource.stale');
    assert.equal((await remove(full.id, { 'if-match': '"1"' })).status, 204);
    assertProblem(await remove(full.id), 404, 'category.not-found');
  });

  it('is for merchandisers only', async () => {
    assert.equal((await host.call('DELETE', `/api/v1/categories/${nobody}`, { as: 'customer' })).status, 403);
    assert.equal((await host.call('POST', '/api/v1/categories', { body: { title: 'x' } })).status, 401);
  });
});
