import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawShop } from '../picture/draw-shop.ts';
import { insertList, pagePath, picturePath } from '../picture/insert-list.ts';
import { listShop } from '../picture/list-shop.ts';
import { readShop } from '../picture/read-shop.ts';

/** Pictures that no longer show what the services declare. */
export async function run(root: string): Promise<string[]> {
  const shop = await readShop(root);
  if (shop.services.length === 0) return ['system/src/services.ts lists no service: nothing was checked'];
  const strangers = shop.links
    .filter(({ from }) => from === 'nobody')
    .map(({ to, what }) => `${to} hears ${what.join(', ')}, which nobody tells`);
  const picture = await readFile(join(root, picturePath), 'utf8').catch(() => '');
  const page = await readFile(join(root, pagePath), 'utf8').catch(() => '');
  const stale = 'is not what the code says; run `node tools/picture.ts`';
  return [
    ...strangers,
    ...(picture === drawShop(shop) ? [] : [`${picturePath} ${stale}`]),
    ...(page !== '' && page === insertList(page, listShop(shop)) ? [] : [`${pagePath} ${stale}`]),
  ];
}
