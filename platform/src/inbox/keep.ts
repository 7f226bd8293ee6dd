import { findAppError } from '../errors/index.ts';
import type { Message } from '../schema/index.ts';
import { type Sql, sqlState } from '../sql/index.ts';
import { keyLengthMax } from '../transport/index.ts';
import { undecodableType } from './dead-letters.ts';
import { keepMessages } from './statements.ts';

/** How a message is to wait, and why. */
export interface Failure {
  readonly status: 'waiting' | 'dead' | 'parked';
  readonly attempts: number;
  readonly delayMs: number;
  readonly reason: string | null;
}

export const deadAtOnce = { status: 'dead', attempts: 0, delayMs: 0 } as const;

/** Keeps messages for later. Rejects, and never throws, when one of them cannot be written down. */
export async function keep(sql: Sql, rows: readonly (Failure & { message: Message })[]): Promise<void> {
  await sql.query(keepMessages, [
    JSON.stringify(
      rows.map(({ message: { id, type, key, ...body }, ...failure }) => ({ id, type, key, body, ...failure })),
    ),
  ]);
}

/** What is left of a message that the database cannot hold. A key that no index takes is what holds back nobody. */
export function shown({ id, type, key, payload, occurredAt, cause }: Message): Message {
  return {
    id,
    type: undecodableType,
    key: key.length > keyLengthMax ? keyOfItsOwn(id) : key,
    payload: { type, text: textOf(payload) },
    occurredAt,
    cause,
  };
}

/** The key of what holds back nobody. */
export function keyOfItsOwn(id: string): string {
  return `${undecodableType}:${id}`;
}

/**
 * Data exceptions (class 22, such as a text with a NUL in it), what exceeds a limit of the server (class 54: too long for an index, nested too deep) or of
 * this program's stack: no later try can end better.
 */
export function isOfTheData(error: unknown): boolean {
  return error instanceof RangeError || /^(22|54)/.test(sqlState(error) ?? '');
}

export function reasonOf(error: unknown): string {
  const known = findAppError(error);
  const text = known ? `${known.code}: ${known.message}` : error instanceof Error ? error.message : String(error);
  // Of what failed it may repeat what no database takes.
  return text.slice(0, 500).toWellFormed().replaceAll('\0', '');
}

const shownLengthMax = 4_000;

function textOf(payload: unknown): string {
  try {
    return JSON.stringify(payload).slice(0, shownLengthMax).toWellFormed();
  } catch {
    return 'It cannot be shown.';
  }
}
