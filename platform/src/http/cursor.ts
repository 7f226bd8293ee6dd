import { refusal } from '../errors/index.ts';
import { type Static, type TSchema, validatorOf } from '../schema/index.ts';

/** Turns the position after a row into an opaque text for `nextCursor`. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/**
 * Reads a cursor that came back. Nothing in it is secret and nothing is trusted: it must have the shape, and queries scope by caller as
 * they do without one.
 *
 * @throws AppError `request.invalid` naming `/query/cursor` for a text that `encodeCursor` did not make
 */
export function decodeCursor<T extends TSchema>(schema: T, cursor: string): Static<T> {
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.toString('base64url') === cursor) {
    const position = parsed(bytes.toString('utf8'));
    if (validatorOf(schema).check(position)) return position;
  }
  throw refusal('request.invalid', 'The cursor is not one that this list gave.', {
    errors: [{ path: '/query/cursor', message: 'is not a cursor of this list' }],
  });
}

/**
 * One page out of `limit + 1` rows: asking the database for one more than is shown tells whether there is a next page.
 *
 * @param positionOf the position after a row, in the order of the list, ending in something unique
 */
export function pageOf<R>(
  rows: readonly R[],
  limit: number,
  positionOf: (row: R) => unknown,
): { items: R[]; nextCursor: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items, nextCursor: more ? encodeCursor(positionOf(last)) : null };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text, storable);
  } catch {
    return undefined;
  }
}

/** PostgreSQL takes no NUL in a text. */
function storable(_name: string, value: unknown): unknown {
  if (typeof value === 'string' && value.includes('\0')) throw new SyntaxError('NUL');
  return value;
}
