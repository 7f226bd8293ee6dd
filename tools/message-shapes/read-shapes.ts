import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A JSON Schema, as far as it says what is accepted. */
export type Shape = { readonly [keyword: string]: unknown };

/** Shapes by what they are of: `order.confirmed.v1`, `stock.reserve.v1`, `stock.reserve.v1 reply`. */
export type Shapes = Readonly<Record<string, Shape>>;

/** Where the published shapes are kept. */
export const lockPath = 'contracts/message-shapes.json';

const remarks = new Set(['description', 'title', 'examples', 'default', '$id']);

/** The shapes of all events and commands that contracts/ declares. */
export async function readShapes(root: string): Promise<Shapes> {
  const folder = join(root, 'contracts', 'src');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const shapes = new Map<string, Shape>();
  for (const file of files.sort()) {
    const words: Record<string, unknown> = await import(pathToFileURL(join(folder, file)).href);
    for (const value of Object.values(words)) {
      if (!isContract(value)) continue;
      for (const { type, payload } of Object.values(value.events)) shapes.set(type, plain(payload));
      for (const { type, payload, reply } of Object.values(value.commands)) {
        shapes.set(type, plain(payload));
        if (reply !== undefined) shapes.set(`${type} reply`, plain(reply));
      }
    }
  }
  return Object.fromEntries([...shapes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface Declared {
  readonly type: string;
  readonly payload: unknown;
  readonly reply?: unknown;
}

function isContract(value: unknown): value is {
  events: Record<string, Declared>;
  commands: Record<string, Declared>;
} {
  return typeof value === 'object' && value !== null && 'service' in value && 'events' in value && 'commands' in value;
}

/** Without what only people read, and without what JSON does not keep. */
function plain(schema: unknown): Shape {
  return withoutRemarks(JSON.parse(JSON.stringify(schema))) as Shape;
}

function withoutRemarks(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutRemarks);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(([keyword]) => !remarks.has(keyword));
  return Object.fromEntries(
    kept.map(([keyword, value]) => [keyword, keyword === 'properties' ? ofEach(value) : withoutRemarks(value)]),
  );
}

/** Under `properties` names are those of fields, of which one may be called "title". */
function ofEach(properties: object): object {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, withoutRemarks(schema)]));
}
