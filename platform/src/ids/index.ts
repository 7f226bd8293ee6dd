import { randomFillSync } from 'node:crypto';

/** A UUID of version 7 in its canonical text: 36 lower-case characters, ordered by time of creation. */
export type Id = string;

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const poolBytes = 8192;
const pool = Buffer.allocUnsafe(poolBytes);
let poolOffset = poolBytes;
let lastMs = 0;
let counter = 0;

/**
 * Makes a UUIDv7 (RFC 9562 §5.7, with the 12-bit counter of §6.2 method 1), so ids made by one process
 * sort in the order in which they were made.
 *
 * @param nowMs milliseconds since the epoch; the process clock unless given
 */
export function newId(nowMs: number = Date.now()): Id {
  if (poolOffset + 8 > poolBytes) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = pool.readUInt16BE(poolOffset) & 0x3ff;
  } else if (++counter > 0xfff) {
    lastMs += 1;
    counter = 0;
  }
  const random = pool.toString('hex', poolOffset, poolOffset + 8);
  poolOffset += 8;
  const time = lastMs.toString(16).padStart(12, '0');
  const variant = (8 + (Number.parseInt(random[0] as string, 16) & 3)).toString(16);
  const sequence = (0x7000 | counter).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-${sequence}-${variant}${random.slice(1, 4)}-${random.slice(4)}`;
}

/** Says whether a text is a UUID in canonical lower-case form. */
export function isId(text: string): boolean {
  return uuidPattern.test(text);
}

/** The instant at which a UUIDv7 was made, in milliseconds since the epoch. */
export function idTimeMs(id: Id): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
