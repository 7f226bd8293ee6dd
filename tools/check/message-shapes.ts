import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { breaks } from '../message-shapes/compare-shapes.ts';
import { lockPath, readShapes, type Shapes } from '../message-shapes/read-shapes.ts';

/** Messages whose shape has changed in a way that programs of the version before cannot bear, and those that nobody has written down. */
export async function run(root: string): Promise<string[]> {
  const shapes = await readShapes(root);
  if (Object.keys(shapes).length === 0) return ['contracts/src declares no message: nothing was checked'];
  const lock = JSON.parse(await readFile(join(root, lockPath), 'utf8').catch(() => '{}')) as Shapes;
  const broken = brokenShapes(lock, shapes);
  if (broken.length > 0 || isDeepStrictEqual(lock, shapes)) return broken;
  return [`${lockPath} does not hold what contracts/src declares; run \`node tools/message-shapes.ts\``];
}

/** Of published messages, what has changed and may not. */
export function brokenShapes(lock: Shapes, shapes: Shapes): string[] {
  return Object.entries(lock).flatMap(([type, before]) => {
    const after = shapes[type];
    const problems = after === undefined ? ['is gone'] : breaks(before, after);
    return problems.map((problem) => `${type}: ${problem}. Leave the published one as it is and add a new version.`);
  });
}
