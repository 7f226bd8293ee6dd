// `node tools/message-shapes.ts`: writes the shapes of all messages down, as published. What would break programs of the version before is not written.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brokenShapes } from './check/message-shapes.ts';
import { lockPath, readShapes, type Shapes } from './message-shapes/read-shapes.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const shapes = await readShapes(root);
const file = join(root, lockPath);
const broken = brokenShapes(JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as Shapes, shapes);
if (broken.length > 0) {
  process.stderr.write(`${broken.join('\n')}\n`);
  process.exitCode = 1;
} else {
  await writeFile(file, `${JSON.stringify(shapes, null, 2)}\n`);
}
