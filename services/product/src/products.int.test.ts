import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { PricedSku, Product } from '@stoa/contracts/product';
import { type Answered, type HostedProduct, hostProduct } from './testing/host-product.ts';

let host: HostedProduct;

before(async () => {
  host = await hostProduct('product');
});
after(() => host.close());

let made = 0;
const newSku = () => `SKU-${++made}`;
const eur = (amount: number) => ({ amount, currency: 'EUR' });
const mug = (fields: object = {}, sku = newSku()) => ({
  title: `Mug ${sku}`,
  variants: [{ sku, price: eur(1250) }],
  ...fields,
});
const create = (body: object) => host.call('POST', '/api/v1/products', { as: 'merchandiser', body });
const change = (id: string, body: object, headers = {}) =>
  host.call('PATCH', `/api/v1/products/${id}`, { as: 'merchandiser', body, headers });
const get = (idOrSlug: string, as?: 'merchandiser' | 'customer') =>
  host.call('GET', `/api/v1/products/${idOrSlug}`, as ? { as } : {});

function assertProblem(answer: Answered, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.body.code], [status, code], answer.text);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
}

async function heardOf(productId: string, version: number) {
  const until = Date.now() + 5000;
  for (;;) {
    const change = host.heard.find((heard) => heard.productId === productId && heard.version === version);
    if (change) return change;
    assert.ok(Date.now() < until, `nobody heard of version ${version} of ${productId}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('creating a product', () => {
  it('answers with the product as it is kept, and tells others', async () => {
    const answer = await create({
      title: ' Linen shirt ',
      description: 'Washed linen.\nMade in Portugal.',
      tags: ['linen', ' summer', 'linen'],
      images: ['https://example.com/shirt.jpg', { url: '/shirt-back.jpg', alt: 'The back' }],
      metadata: { season: 'ss26' },
      variants: [
        {
          sku: 'shirt-sand-m',
          title: 'Sand / M',
          price: eur(8900),
          prices: [{ amount: 7900, currency: 'GBP' }],
          attributes: { size: 'M' },
        },
      ],
    });
    assert.equal(answer.status, 201, answer.text);
    const { id, createdAt, variants, ...rest } = answer.body as Product;
    const [variant] = variants;
    assert.deepEqual(rest, {
      slug: 'linen-shirt',
      title: 'Linen shirt',
      description: 'Washed linen.\nMade in Portugal.',
      status: 'active',
      category: null,
      tags: ['linen', 'summer'],
      images: [
        { url: 'https://example.com/shirt.jpg', alt: '' },
        { url: '/shirt-back.jpg', alt: 'The back' },
      ],
      metadata: { season: 'ss26' },
      updatedAt: createdAt,
      version: 1,
    });
    assert.deepEqual(variant, {
      id: variant?.id,
      sku: 'SHIRT-SAND-M',
      title: 'Sand / M',
      price: eur(8900),
      prices: [{ amount: 7900, currency: 'GBP' }],
      attributes: { size: 'M' },
      metadata: {},
    });
    assert.equal(answer.headers.get('location'), `/api/v1/products/${id}`);
    assert.equal(answer.headers.get('etag'), '"1"');
    assert.deepEqual((await get(id)).body, answer.body);
    assert.deepEqual((await get('linen-shirt')).body, answer.body);
    const heard = await heardOf(id, 1);
    assert.deepEqual([heard.slug, heard.status, heard.skus], ['linen-shirt', 'active', ['SHIRT-SAND-M']]);
    assert.deepEqual([heard.metadata, heard.variants], [{ season: 'ss26' }, undefined]);
    const shelf = { sku: 'SHIRT-SAND-M', metadata: { shelf: '7' } };
    const changed = await change(id, { metadata: {}, variants: [{ ...shelf, price: eur(8900) }] });
    assert.equal(changed.status, 200, changed.text);
    const again = await heardOf(id, 2);
    assert.deepEqual([again.metadata, again.variants], [undefined, [shelf]]);
  });

  it('gives products of one title slugs of their own, even when made at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(mug({ title: 'Teapot' }))));
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array(8).fill(201),
    );
    const slugs = answers.map(({ body }) => body.slug);
    assert.equal(new Set(slugs).size, 8);
    assert.ok(slugs.includes('teapot') && slugs.every((slug) => slug.startsWith('teapot')), slugs.join());
  });

  it('gives a SKU to one of twenty who want it at once, in whatever case, and refuses the others', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => create(mug({}, at % 2 ? 'wanted-1' : 'WANTED-1'))),
    );
    assert.equal(answers.filter(({ status }) => status === 201).length, 1);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      assertProblem(answer, 409, 'product.sku-taken');
      assert.match(answer.body.detail, /WANTED-1/);
    }
    const [rows] = await host.db.query<{ count: number }>(
      `select count(*) from product where title ilike 'mug wanted-1'`,
      [],
    );
    assert.equal(rows?.count, 1);
  });

  it('refuses a slug that another product has', async () => {
    await create(mug({ slug: 'the-mug' }));
    assertProblem(await create(mug({ slug: 'the-mug' })), 409, 'product.slug-taken');
  });

  it('refuses a SKU or a currency given twice, naming the place', async () => {
    const twice = await create({
      title: 'Twice',
      variants: [
        { sku: 'tw-1', price: eur(1) },
        { sku: 'TW-1', price: eur(1) },
      ],
    });
    assertProblem(twice, 400, 'request.invalid');
    assert.deepEqual(twice.body.errors, [{ path: '/variants/1/sku', message: 'repeats TW-1' }]);
    const prices = await create({ title: 'Twice', variants: [{ sku: 'tw-1', price: eur(1), prices: [eur(2)] }] });
    assertProblem(prices, 400, 'request.invalid');
  });

  it('makes the category it names when there is none, and refuses an id of none', async () => {
    const answer = await create(mug({ category: 'Coffee & Tea' }));
    assert.equal(answer.body.category, 'coffee-tea');
    const { items } = (await host.call('GET', '/api/v1/categories')).body;
    assert.equal(items.find(({ slug }) => slug === 'coffee-tea')?.title, 'Coffee & Tea');
    assertProblem(await create(mug({ category: '0190f1e0-0000-7000-8000-00000000dead' })), 400, 'request.invalid');
  });

  it('happens once for one Idempotency-Key, and gives the first answer again', async () => {
    const body = mug({ title: 'Once' });
    const send = () =>
      host.call('POST', '/api/v1/products', { as: 'merchandiser', body, headers: { 'idempotency-key': 'once-1' } });
    const first = await send();
    const second = await send();
    assert.deepEqual([first.status, second.status], [201, 201]);
    assert.equal(second.text, first.text);
    assert.equal(second.headers.get('idempotency-replayed'), 'true');
  });

  it('keeps the refusal too under its key when somebody else took the SKU between look and write', async () => {
    const { body: other } = await create(mug());
    const body = mug({}, 'RACED-1');
    const send = () =>
      host.call('POST', '/api/v1/products', { as: 'merchandiser', body, headers: { 'idempotency-key': 'raced-1' } });
    const blocked = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    const sent = await host.db.transaction(async (tx) => {
      await tx.query(`update variant set sku = 'RACED-1' where product_id = $1`, [other.id]);
      const answer = send();
      const deadlineMs = performance.now() + 4_000;
      while ((await host.db.query(blocked)).length === 0) assert.ok(performance.now() < deadlineMs, 'it did not wait');
      return { answer };
    });
    const first = await sent.answer;
    assertProblem(first, 409, 'product.sku-taken');
    const second = await send();
    assert.deepEqual(
      [second.status, second.text, second.headers.get('idempotency-replayed')],
      [409, first.text, 'true'],
    );
  });

  it('is for merchandisers only', async () => {
    assertProblem(await host.call('POST', '/api/v1/products', { body: mug() }), 401, 'auth.missing');
    assertProblem(await host.call('POST', '/api/v1/products', { as: 'customer', body: mug() }), 403, 'auth.forbidden');
    assertProblem(await host.call('POST', '/api/v1/products', { as: 'support', body: mug() }), 403, 'auth.forbidden');
    assert.equal((await host.call('POST', '/api/v1/products', { as: 'admin', body: mug() })).status, 201);
  });

  for (const [what, body] of Object.entries({
    'no title': { variants: [{ sku: 'BAD-1', price: eur(1) }] },
    'a blank title': mug({ title: '   ' }),
    'no variant': mug({ variants: [] }),
    'a price that is not whole': mug({ variants: [{ sku: 'BAD-1', price: eur(0.5) }] }),
    'a negative price': mug({ variants: [{ sku: 'BAD-1', price: eur(-1) }] }),
    'a currency that does not exist': mug({ variants: [{ sku: 'BAD-1', price: { amount: 1, currency: 'XYQ' } }] }),
    'a SKU with a space': mug({}, 'BAD 1'),
    'an unknown field': mug({ price: 5 }),
    'a slug in capitals': mug({ slug: 'Mug' }),
    'a slug that is an address already': mug({ slug: 'export' }),
    'metadata with other keys': mug({ metadata: { 'a b': { deep: [1] } } }),
    'attributes with other keys': mug({
      variants: [{ sku: 'BAD-1', price: eur(1), attributes: { '\u2028': { deep: [1] } } }],
    }),
    'a slug that reads as an id': mug({ slug: '0190f1e0-0000-7000-8000-000000000000' }),
    'an image that runs a script': mug({ images: ['javascript:alert(1)'] }),
    'a NUL in the description': mug({ description: 'a\u0000b' }),
    'half a surrogate pair': '{"title":"\\ud800","variants":[{"sku":"BAD-1","price":{"amount":1,"currency":"EUR"}}]}',
  })) {
    it(`refuses ${what}`, async () => assertProblem(await create(body as object), 400, 'request.invalid'));
  }

  it('takes the longest product there may be', async () => {
    const variants = Array.from({ length: 100 }, (_, at) => ({
      sku: `LONG-${at}-${'X'.repeat(40)}`,
      title: 'ü'.repeat(200),
      price: eur(1),
      attributes: Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`name ${n}`, 'w'.repeat(200)])),
    }));
    const answer = await create({ title: '😀'.repeat(100), description: 'word '.repeat(4000), variants });
    assert.equal(answer.status, 201, answer.text.slice(0, 500));
    const found = await host.call('GET', '/api/v1/products?sort=title&limit=100');
    assert.equal(found.status, 200);
  });
});

describe('changing a product', () => {
  it('changes what is named, counts the version on, and tells others', async () => {
    const { body } = await create(mug({ title: 'Before', tags: ['a'] }));
    const answer = await change(body.id, { title: 'After', category: null });
    assert.equal(answer.status, 200);
    assert.deepEqual([answer.body.title, answer.body.tags, answer.body.version], ['After', ['a'], 2]);
    assert.equal(answer.headers.get('etag'), '"2"');
    assert.deepEqual((await get(body.id)).body, answer.body);
    await heardOf(body.id, 2);
  });

  it('leaves the version as it is when nothing changes', async () => {
    const { body } = await create(mug({ tags: ['a'] }));
    const answer = await change(body.id, { tags: ['a'], title: body.title });
    assert.deepEqual(answer.body, body);
  });

  it('keeps the id of a SKU, even of one that comes back, and never gives a removed SKU to another product', async () => {
    const [one, two, three] = [newSku(), newSku(), newSku()];
    const variant = (sku: string) => ({ sku, price: eur(100) });
    const { body } = await create({ title: 'Set', variants: [variant(one), variant(two)] });
    const idOf = (product: Product, sku: string) => product.variants.find((found) => found.sku === sku)?.id;
    const without = await change(body.id, { variants: [variant(three), variant(two)] });
    assert.deepEqual(
      without.body.variants.map(({ sku }) => sku),
      [three, two],
    );
    assert.equal(idOf(without.body, two), idOf(body, two));
    assert.deepEqual((await heardOf(body.id, 2)).skus.toSorted(), [one, two, three].toSorted());
    assertProblem(await create(mug({}, one)), 409, 'product.sku-taken');
    const back = await change(body.id, { variants: [variant(one)] });
    assert.equal(idOf(back.body, one), idOf(body, one));
  });

  it('shows each change at once, and a slug only of the product that has it now', async () => {
    const { body: one } = await create(mug({ slug: 'first-slug' }));
    assert.equal((await get('first-slug')).body.title, one.title);
    await change(one.id, { slug: 'second-slug', title: 'Renamed' });
    assert.deepEqual([(await get(one.id)).body.title, (await get('second-slug')).body.title], ['Renamed', 'Renamed']);
    assertProblem(await get('first-slug'), 404, 'product.not-found');
    const { body: other } = await create(mug({ slug: 'first-slug' }));
    assert.equal((await get('first-slug')).body.id, other.id);
  });

  it('refuses a SKU or a slug of another product', async () => {
    const [{ body: one }, { body: other }] = [await create(mug()), await create(mug())];
    const sku = other.variants[0]?.sku;
    assertProblem(await change(one.id, { variants: [{ sku, price: eur(1) }] }), 409, 'product.sku-taken');
    assertProblem(await change(one.id, { slug: other.slug }), 409, 'product.slug-taken');
    assert.deepEqual((await get(one.id)).body, one);
  });

  it('is refused when somebody else has changed it since it was read: of ten with one ETag, one wins', async () => {
    const { body } = await create(mug());
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) => change(body.id, { title: `T${at}` }, { 'if-match': '"1"' })),
    );
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    for (const answer of answers.filter(({ status }) => status !== 200)) assertProblem(answer, 412, 'resource.stale');
    assert.equal((await get(body.id)).body.version, 2);
  });

  it('knows no product that does not exist', async () => {
    assertProblem(await change('0190f1e0-0000-7000-8000-00000000dead', { title: 'x' }), 404, 'product.not-found');
    assertProblem(await change('not-an-id', { title: 'x' }), 400, 'request.invalid');
  });
});

describe('reading a product', () => {
  it('shows drafts and archived ones to merchandisers only, and archives instead of deleting', async () => {
    const { body: draft } = await create(mug({ status: 'draft' }));
    assertProblem(await get(draft.id), 404, 'product.not-found');
    assertProblem(await get(draft.slug, 'customer'), 404, 'product.not-found');
    const shown = await get(draft.slug, 'merchandiser');
    assert.equal(shown.status, 200);
    assert.equal(shown.headers.get('cache-control'), 'no-store');
    const { body: sold } = await create(mug());
    assert.match((await get(sold.id)).headers.get('cache-control') ?? '', /s-maxage=1\b/);
    const stale = { as: 'merchandiser', headers: { 'if-match': '"7"' } } as const;
    assertProblem(await host.call('DELETE', `/api/v1/products/${sold.id}`, stale), 412, 'resource.stale');
    assert.equal((await host.call('DELETE', `/api/v1/products/${sold.id}`, { as: 'merchandiser' })).status, 204);
    assert.equal((await host.call('DELETE', `/api/v1/products/${sold.id}`, { as: 'merchandiser' })).status, 204);
    assertProblem(await get(sold.id), 404, 'product.not-found');
    assert.deepEqual(
      [(await get(sold.id, 'merchandiser')).body.status, (await heardOf(sold.id, 2)).status],
      ['archived', 'archived'],
    );
  });

  it('answers 304 to whoever has it already, and 404 to what cannot be an address', async () => {
    const { body } = await create(mug());
    const again = await host.call('GET', `/api/v1/products/${body.id}`, { headers: { 'if-none-match': '"1"' } });
    assert.equal(again.status, 304);
    for (const address of ['nothing', '%00', 'a%20b', '..%2f..%2fetc', "'%3B--", 'Ü', 'x'.repeat(150)]) {
      const answer = await get(address);
      assert.ok([400, 404].includes(answer.status), `${address}: ${answer.status}`);
    }
  });
});

describe('prices for check-out', () => {
  it('are given for the SKUs that exist, in the currency asked for where there is one', async () => {
    const { body } = await create({
      title: 'Scarf',
      variants: [
        { sku: 'SCARF-R', title: 'Red', price: eur(3000), prices: [{ amount: 2500, currency: 'GBP' }] },
        { sku: 'SCARF-B', title: 'Blue', price: eur(3100) },
      ],
    });
    const ask = async (currency?: string) => {
      const answer = await host.ask('getPrices', {
        skus: ['scarf-r', 'SCARF-B', 'NOBODY', 'has space'],
        ...(currency && { currency }),
      });
      return (answer as PricedSku[]).toSorted((a, b) => (a.sku < b.sku ? -1 : 1));
    };
    const line = { productId: body.id, version: 1, status: 'active' };
    const red = { ...line, sku: 'SCARF-R', title: 'Scarf – Red', prices: [{ amount: 2500, currency: 'GBP' }] };
    const blue = { ...line, sku: 'SCARF-B', title: 'Scarf – Blue', price: eur(3100), prices: [] };
    assert.deepEqual(await ask(), [blue, { ...red, price: eur(3000) }]);
    assert.deepEqual(await ask('GBP'), [blue, { ...red, price: { amount: 2500, currency: 'GBP' } }]);
    await change(body.id, { variants: [{ sku: 'SCARF-R', title: 'Red', price: eur(1) }] });
    assert.deepEqual(
      (await ask()).map((found) => found.status),
      ['archived', 'active'],
    );
  });

  it('cannot be asked for from outside', async () => {
    const answer = await host.call('POST', '/internal/product/prices', { as: 'admin', body: { skus: [] } });
    assert.ok([403, 404].includes(answer.status), answer.text);
  });
});
