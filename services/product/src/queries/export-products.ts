import { Readable } from 'node:stream';
import { productColumns, type productContract } from '@stoa/contracts/product';
import type { Handler } from '@stoa/platform/service';
import type { Database } from '@stoa/platform/sql';
import { csvRows, ndjsonValue } from '../domain/csv-product.ts';
import { csvRecord } from '../domain/formula-safe.ts';
import { productsAfter } from '../store/product-rows.ts';

const productsAtOnce = 200;
const firstId = '00000000-0000-0000-0000-000000000000';

/** Every product, archived ones too, as the import takes it. Read page by page: no transaction stays open while the caller reads. */
export const exportProducts: Handler<typeof productContract.operations.exportProducts> = async (call, { db }) => {
  const { format = 'csv' } = call.query;
  const texts = format === 'csv' ? csvTexts(db) : ndjsonTexts(db);
  return {
    headers: {
      'content-type': format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson',
      'content-disposition': `attachment; filename="products.${format}"`,
    },
    stream: Readable.from(texts, { objectMode: false }),
  };
};

async function* csvTexts(db: Database): AsyncGenerator<string> {
  yield csvRecord(productColumns);
  for await (const products of pagesOf(db))
    yield products.flatMap((product) => csvRows(product).map(csvRecord)).join('');
}

async function* ndjsonTexts(db: Database): AsyncGenerator<string> {
  for await (const products of pagesOf(db)) {
    yield products.map((product) => `${JSON.stringify(ndjsonValue(product))}\n`).join('');
  }
}

async function* pagesOf(db: Database) {
  for (let afterId = firstId; ; ) {
    const products = await productsAfter(db, afterId, productsAtOnce);
    if (products.length > 0) yield products;
    if (products.length < productsAtOnce) return;
    afterId = products.at(-1)?.id ?? afterId;
  }
}
