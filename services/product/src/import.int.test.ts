import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ImportReport } from '@stoa/contracts/product';
import { type HostedProduct, hostProduct } from './testing/host-product.ts';

let host: HostedProduct;

before(async () => {
  host = await hostProduct('product import');
});
after(() => host.close());

type Summary = Extract<ImportReport, { type: 'summary' }>;
type Rejected = Extract<ImportReport, { type: 'rejected' }>;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const importPath = '/api/v1/products/import';

async function importFile(file: string | Readable | Buffer, type = 'text/csv', query = '') {
  const answer = await fetch(`${host.url}${importPath}${query}`, {
    method: 'POST',
    headers: { authorization: 'Bearer merchandiser', 'content-type': type },
    body:
      file instanceof Readable ? (Readable.toWeb(file) as ReadableStream) : new Uint8Array(Buffer.from(file as string)),
    duplex: 'half',
  } as RequestInit);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/x-ndjson/);
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ImportReport);
  const last = lines.at(-1) as Summary;
  assert.equal(last.type, 'summary', text.slice(-500));
  const { type: _type, seconds: _seconds, dryRun: _dryRun, ...counts } = last;
  return { counts, rejected: lines.filter((line): line is Rejected => line.type === 'rejected'), lines };
}

const merchandiser = { as: 'merchandiser' } as const;
const get = async (slug: string) => (await host.call('GET', `/api/v1/products/${slug}`, merchandiser)).body;
const count = async () => (await host.db.query<{ count: number }>('select count(*) from product', []))[0]?.count;

describe('importing CSV', () => {
  it('gives no product the slug that another has until the same lines are written, and goes on', async () => {
    await importFile('slug,title,sku,price\nrenamed,Renamed,REN-1,1.00');
    const lines = [
      'slug,title,sku,price',
      'renamed-1,Renamed,REN-1,1.00',
      'renamed,Another,REN-2,2.00',
      'behind,Behind,REN-3,3.00',
    ];
    const { counts, rejected } = await importFile(lines.join('\n'));
    assert.deepEqual([counts.updated, counts.created], [1, 1]);
    assert.deepEqual(
      rejected.map(({ line, sku }) => [line, sku]),
      [[3, 'REN-2']],
    );
    assert.match(rejected[0]?.reason ?? '', /import this line again/);
    assert.equal((await importFile('slug,title,sku,price\nrenamed,Another,REN-2,2.00')).counts.created, 1);
  });

  it('leaves the connection of a file that was refused to the next request', async () => {
    const { hostname, port } = new URL(host.url);
    const socket = connect(Number(port), hostname);
    try {
      let text = '';
      socket.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      const file = `sku,no-such-column\n${'A-1,x\n'.repeat(400_000)}`;
      const head = (line: string, ...more: string[]) =>
        [`${line} HTTP/1.1`, 'host: shop', 'authorization: Bearer merchandiser', ...more, '', ''].join('\r\n');
      socket.write(head(`POST ${importPath}`, 'content-type: text/csv', `content-length: ${file.length}`));
      socket.write(file);
      socket.write(head('GET /api/v1/categories'));
      const answers = () => text.match(/HTTP\/1\.1 \d+/g) ?? [];
      const ended = once(socket, 'close').then(() => 'the connection ended');
      const answered = (async () => {
        while (answers().length < 2) await once(socket, 'data');
        return answers().join();
      })();
      const late = AbortSignal.timeout(20_000);
      assert.equal(
        await Promise.race([answered, ended, once(late, 'abort').then(() => `only ${answers()}`)]),
        'HTTP/1.1 400,HTTP/1.1 200',
      );
    } finally {
      socket.destroy();
    }
  });

  it('makes a product of each row, and one of consecutive rows with one slug', async () => {
    const { counts, rejected } = await importFile(
      [
        'slug,title,category,tags,sku,variantTitle,price,currency,prices,attributes',
        'apron,Apron,Kitchen Wear,linen; kitchen,APR-S,Small,39.90,EUR,GBP 35.5; USD 42,"{""size"":""S""}"',
        'apron,,,,APR-L,Large,44,EUR,,',
        ',Oven glove,,,GLV-1,,12.00,GBP,,',
      ].join('\n'),
    );
    assert.deepEqual(rejected, []);
    assert.deepEqual(counts, { rows: 3, rejected: 0, created: 2, updated: 0, unchanged: 0 });
    const apron = await get('apron');
    assert.deepEqual(
      [apron.title, apron.category, apron.tags, apron.status],
      ['Apron', 'kitchen-wear', ['linen', 'kitchen'], 'active'],
    );
    const [small, large] = apron.variants;
    assert.deepEqual([small?.price, small?.attributes], [{ amount: 3990, currency: 'EUR' }, { size: 'S' }]);
    assert.deepEqual(small?.prices, [
      { amount: 3550, currency: 'GBP' },
      { amount: 4200, currency: 'USD' },
    ]);
    assert.deepEqual([large?.sku, large?.title, large?.price.amount], ['APR-L', 'Large', 4400]);
    assert.deepEqual((await get('oven-glove')).variants[0]?.price, { amount: 1200, currency: 'GBP' });
  });

  it('changes by SKU what the columns name and leaves the rest, and nothing the second time', async () => {
    const before = await get('apron');
    const file = 'SKU,Price\napr-s,41.00\n';
    assert.equal((await importFile(file)).counts.updated, 1);
    const after = await get('apron');
    assert.equal(after.version, before.version + 1);
    assert.deepEqual(after.variants, [
      { ...before.variants[0], price: { amount: 4100, currency: 'EUR' } },
      before.variants[1],
    ]);
    assert.deepEqual((await importFile(file)).counts, { rows: 1, rejected: 0, created: 0, updated: 0, unchanged: 1 });
    assert.equal((await get('apron')).version, after.version);
  });

  it('reads what spreadsheets write: a byte order mark, CR LF, quotes, line breaks and commas in cells, empty lines', async () => {
    const { counts, rejected } = await importFile(
      `\ufefftitle,description,sku,price\r\n"Tray, ""oval""","two\r\nlines",TRAY-1,5.00\r\n\r\nNails 5" long,,NAIL-1,1.5\r\n"Crème ☕ 茶",,TEA-1,2\r\n`,
    );
    assert.deepEqual(rejected, []);
    assert.equal(counts.created, 3);
    const tray = await get('tray-oval');
    assert.deepEqual([tray.title, tray.description], ['Tray, "oval"', 'two\r\nlines']);
    assert.equal((await get('nails-5-long')).variants[0]?.price.amount, 150);
    assert.equal((await get('creme')).title, 'Crème ☕ 茶');
  });

  it('reports each bad row with its line and reason, and imports the others', async () => {
    const { counts, rejected } = await importFile(
      [
        'slug,title,description,status,sku,price,currency,metadata',
        ',Good one,,,GOOD-1,1.00,,', // 2
        ',No price,,,NOPRICE-1,,,', // 3
        ',,,,NOTITLE-1,1.00,,', // 4
        ',Bad SKU,,,BAD SKU,1.00,,', // 5
        ',Bad price,,,BADPRICE-1,"1,50",,', // 6
        ',Too fine,,,FINE-1,1.005,EUR,', // 7
        ',No money,,,MONEY-1,1.00,EURO,', // 8
        ',Bad status,,sold,STATUS-1,1.00,,', // 9
        ',Short row,SHORT-1', // 10
        ',Bad JSON,,,JSON-1,1.00,,{a:1}', // 11
        'Bad Slug,Bad slug,,,SLUG-1,1.00,,', // 12
        ',"Two', // 13
        'lines",,,TWO-1,1.00,,', // 14
        ',Minus,,,MINUS-1,-1.00,,', // 15
        'pair,Pair,,,PAIR-1,1.00,,', // 16
        'pair,Pair,,,pair-1,2.00,,', // 17
        ',No SKU,,,,1.00,,', // 18
        ',Yen,,,YEN-1,150,JPY,', // 19
        ',Good two,,,GOOD-2,1.00,,', // 20
      ].join('\n'),
    );
    const reasons = new Map(rejected.map(({ line, reason }) => [line, reason]));
    assert.deepEqual([...reasons.keys()], [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 17, 18]);
    assert.match(reasons.get(3) ?? '', /price is missing/);
    assert.match(reasons.get(4) ?? '', /title is missing/);
    assert.match(reasons.get(5) ?? '', /^sku /);
    assert.match(reasons.get(7) ?? '', /price is no amount of EUR/);
    assert.match(reasons.get(8) ?? '', /currency/);
    assert.match(reasons.get(9) ?? '', /^status /);
    assert.match(reasons.get(10) ?? '', /3 cells where the header has 8/);
    assert.match(reasons.get(11) ?? '', /metadata is no JSON object/);
    assert.match(reasons.get(12) ?? '', /^slug /);
    assert.match(reasons.get(13) ?? '', /^title /);
    assert.match(reasons.get(17) ?? '', /repeats PAIR-1/);
    assert.deepEqual(counts, { rows: 18, rejected: 14, created: 4, updated: 0, unchanged: 0 });
    assert.equal((await get('yen')).variants[0]?.price.amount, 150);
  });

  it('rejects rows with bytes that are not UTF-8, and a quote that is never closed, without losing its way', async () => {
    const latin = Buffer.concat([
      Buffer.from('title,sku,price\nCaf'),
      Buffer.from([0xe9]),
      Buffer.from(',CAFE-1,1\nTea,TEAROOM-1,1\n'),
    ]);
    const { rejected, counts } = await importFile(latin as never);
    assert.deepEqual(rejected, [{ type: 'rejected', line: 2, sku: 'CAFE-1', reason: 'has bytes that are not UTF-8' }]);
    assert.equal(counts.created, 1);
    const open = await importFile(`title,sku,price\nFine,FINE-9,1\n"Open,OPEN-1,1\nLost,LOST-1,1\n`);
    assert.deepEqual([open.counts.created, open.counts.rejected], [1, 1]);
  });

  it('refuses a file whose header it cannot use, before anything is imported', async () => {
    for (const file of ['title,price\nx,1\n', 'sku,colour\nx,red\n', 'sku,SKU\nx,y\n', '']) {
      const answer = await host.call('POST', importPath, {
        as: 'merchandiser',
        body: file,
        headers: { 'content-type': 'text/csv' },
      });
      assert.deepEqual([answer.status, answer.body.code], [400, 'request.invalid'], answer.text);
    }
    const json = await host.call('POST', importPath, { as: 'merchandiser', body: '{}' });
    assert.deepEqual([json.status, json.body.code], [415, 'request.unsupported-media-type']);
    const customer = await host.call('POST', importPath, {
      as: 'customer',
      body: 'sku\n',
      headers: { 'content-type': 'text/csv' },
    });
    assert.equal(customer.status, 403);
  });

  it('only tells what would happen when it is a dry run', async () => {
    const products = await count();
    const { counts } = await importFile(
      'title,category,sku,price\nDry,dry,DRY-1,1\nApron,,APR-S,1\n',
      'text/csv',
      '?dryRun=true',
    );
    assert.deepEqual(counts, { rows: 2, rejected: 0, created: 1, updated: 1, unchanged: 0 });
    assert.equal(await count(), products);
    const { items } = (await host.call('GET', '/api/v1/categories')).body;
    assert.equal(
      items.some(({ slug }) => slug === 'dry'),
      false,
    );
  });

  it('lets two imports of the same new rows at once make each product once', async () => {
    const file = `title,sku,price\n${Array.from({ length: 300 }, (_, at) => `Race ${at},RACE-${at},1`).join('\n')}\n`;
    const [one, other] = await Promise.all([importFile(file), importFile(file)]);
    assert.equal(one.counts.created + other.counts.created, 300);
    assert.equal(one.counts.unchanged + other.counts.unchanged, 300);
    const [rows] = await host.db.query<{ count: number }>(`select count(*) from variant where sku like 'RACE-%'`, []);
    assert.equal(rows?.count, 300);
  });

  it('takes the last of rows that repeat a SKU, as one change that others hear of once', async () => {
    const { counts } = await importFile('title,sku,price\nFirst,REP-1,1\nSecond,rep-1,2\nThird,REP-1,3\n');
    assert.deepEqual(counts, { rows: 3, rejected: 0, created: 1, updated: 2, unchanged: 0 });
    const repeated = await get('first');
    assert.deepEqual([repeated.title, repeated.variants[0]?.price.amount, repeated.version], ['Third', 300, 1]);
    const until = Date.now() + 5000;
    while (!host.heard.some(({ productId }) => productId === repeated.id)) {
      assert.ok(Date.now() < until, 'nobody heard');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(host.heard.filter(({ productId }) => productId === repeated.id).length, 1);
  });
});

describe('importing NDJSON', () => {
  it('takes a product a line, with its variants, and reports lines that are none', async () => {
    const { counts, rejected } = await importFile(
      [
        '{"slug":"kettle","title":"Kettle","variants":[{"sku":"KET-1","price":{"amount":4900,"currency":"EUR"}},{"sku":"KET-2","price":{"amount":5900,"currency":"EUR"}}]}',
        '{"title":"broken"',
        '',
        '{"title":"Unknown field","colour":"red","variants":[{"sku":"UNK-1","price":{"amount":1,"currency":"EUR"}}]}',
        '[]',
        '{"title":"Twice","title":"Twice","variants":[{"sku":"TWI-1","price":{"amount":1,"currency":"EUR"}}]}',
        `{"title":"Long","description":"${'x'.repeat(1_100_000)}"}`,
        '{"variants":[{"sku":"ket-2","title":"Large"}]}',
        '{"variants":[{"sku":"KET-1","title":"x"},{"sku":"APR-S","title":"y"}]}',
      ].join('\r\n'),
      'application/x-ndjson; charset=utf-8',
    );
    assert.deepEqual(counts, { rows: 8, rejected: 7, created: 1, updated: 1, unchanged: 0 });
    assert.deepEqual([...new Set(rejected.map(({ line }) => line))], [2, 4, 5, 6, 7, 9]);
    assert.equal((await get('kettle')).variants[1]?.title, 'Large');
  });
});

describe('exporting', () => {
  it('gives a file that, imported, changes nothing: CSV and NDJSON', async () => {
    const dangerous = [
      '=1+1',
      '+1',
      '-1',
      '@SUM(A1)',
      "'=quoted",
      "''",
      '\tTab',
      'plain "quote", comma',
      ' edge ',
      '\r\nbreak',
    ];
    for (const [at, description] of dangerous.entries()) {
      const body = {
        title: at % 2 ? `=cmd ${at}` : `Odd ${at}`,
        description,
        status: (['draft', 'active', 'archived'] as const)[at % 3],
        category: 'odd-things',
        tags: ['-tag', 'b c'],
        images: [{ url: 'https://example.com/a.png', alt: 'a, "b"' }],
        metadata: { b: '2', a: "=1'" },
        variants: [
          {
            sku: `ODD-${at}-A`,
            price: { amount: 5, currency: 'EUR' },
            attributes: { size: 'M' },
            metadata: { x: 'y' },
          },
          {
            sku: `ODD-${at}-B`,
            title: '=B',
            price: { amount: 100, currency: 'JPY' },
            prices: [{ amount: 1234, currency: 'KWD' }],
          },
        ],
      };
      const answer = await host.call('POST', '/api/v1/products', { as: 'merchandiser', body });
      assert.equal(answer.status, 201, answer.text);
    }
    const { body: changed } = await host.call('PATCH', `/api/v1/products/odd-things`, { as: 'merchandiser', body: {} });
    assert.equal(changed.code, 'request.invalid');
    const products = await count();
    for (const [format, type] of [
      ['csv', 'text/csv'],
      ['ndjson', 'application/x-ndjson'],
    ] as const) {
      const file = await host.call('GET', `/api/v1/products/export?format=${format}`, merchandiser);
      assert.equal(file.status, 200);
      assert.ok(file.headers.get('content-type')?.startsWith(type));
      const { counts, rejected } = await importFile(file.text, type);
      assert.deepEqual(rejected, []);
      assert.deepEqual(counts, { rows: counts.rows, rejected: 0, created: 0, updated: 0, unchanged: products }, format);
    }
    const csv = (await host.call('GET', '/api/v1/products/export', merchandiser)).text;
    for (const cell of csv.split(/[\r\n]+/).flatMap((line) => line.split(','))) assert.doesNotMatch(cell, /^"?[=+@]/);
  });

  it('is for merchandisers only', async () => {
    assert.equal((await host.call('GET', '/api/v1/products/export', { as: 'customer' })).status, 403);
  });
});

describe('a large import', () => {
  it('of 20,000 dirty rows is streamed: memory stays, bad rows are counted, and the answer tells of progress', async () => {
    const rows = 20_000;
    function* file() {
      yield '\ufefftitle,description,sku,price\r\n';
      for (let at = 1; at <= rows; at++) {
        yield at % 100 === 0
          ? `Bad ${at},,BIG ${at},1\r\n`
          : `"Big, ""${at}""","Line one\r\nLine two of ${at}",BIG-${at},${at % 50}.99\r\n`;
      }
    }
    const liveBytes = () => {
      // What the test itself gathers is not the service's.
      host.heard.length = 0;
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const before = liveBytes();
    let highest = 0;
    const watch = setInterval(() => {
      highest = Math.max(highest, liveBytes() - before);
    }, 250);
    const { counts, lines, rejected } = await importFile(Readable.from(file()).map((text) => Buffer.from(text)));
    clearInterval(watch);
    assert.deepEqual(counts, { rows, rejected: rows / 100, created: (rows / 100) * 99, updated: 0, unchanged: 0 });
    assert.equal(rejected[0]?.line, 1 + 99 * 2 + 1);
    assert.ok(lines.filter(({ type }) => type === 'progress').length >= rows / 600);
    assert.ok(highest > 0 && highest < 40 * 1024 ** 2, `${Math.round(highest / 1024 ** 2)} MiB`);
  });

  it('keeps a few megabytes at a time, however long its lines are', async () => {
    const note = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`note-${at}`, 'x'.repeat(500)]));
    const product = (at: number) => ({
      title: `Long ${at}`,
      variants: Array.from({ length: 100 }, (_, of) => ({
        sku: `LONG-${at}-${of}`,
        price: { amount: 100, currency: 'EUR' },
        metadata: note,
      })),
    });
    const file = Array.from({ length: 12 }, (_, at) => JSON.stringify(product(at))).join('\n');
    assert.ok(file.length > 8 * 1024 * 1024);
    const { counts, lines } = await importFile(file, 'application/x-ndjson');
    assert.deepEqual([counts.created, counts.rejected], [12, 0]);
    assert.ok(lines.filter(({ type }) => type === 'progress').length > 1);
  });

  it('ends when its caller goes away, and what was imported stays', async () => {
    const stop = new AbortController();
    let sent = 0;
    async function* endless() {
      yield Buffer.from('title,sku,price\n');
      for (; !stop.signal.aborted; ) {
        yield Buffer.from(Array.from({ length: 600 }, () => `Endless,END-${++sent},1\n`).join(''));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const answer = await fetch(`${host.url}${importPath}`, {
      method: 'POST',
      headers: { authorization: 'Bearer merchandiser', 'content-type': 'text/csv' },
      body: Readable.toWeb(Readable.from(endless())) as ReadableStream,
      duplex: 'half',
      signal: stop.signal,
    } as RequestInit);
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    assert.match(Buffer.from((await reader.read()).value ?? []).toString(), /progress/);
    stop.abort();
    await reader.closed.catch(() => undefined);
    const imported = async () =>
      (await host.db.query<{ count: number }>(`select count(*) from variant where sku like 'END-%'`, []))[0]?.count ??
      0;
    assert.ok((await imported()) >= 500);
    assert.equal((await host.call('GET', '/api/v1/products?limit=1')).status, 200);
  });
});
