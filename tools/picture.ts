// `node tools/picture.ts`: draws docs/architecture.svg and writes the table in ARCHITECTURE.md from what the services declare.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawShop } from './picture/draw-shop.ts';
import { insertList, pagePath, picturePath } from './picture/insert-list.ts';
import { listShop } from './picture/list-shop.ts';
import { readShop } from './picture/read-shop.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const shop = await readShop(root);
await writeFile(join(root, picturePath), drawShop(shop));
const page = join(root, pagePath);
await writeFile(page, insertList(await readFile(page, 'utf8'), listShop(shop)));
