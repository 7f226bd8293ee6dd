import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { createHashingGate, type HashingGate } from './hashing-gate.ts';

/**
 * 19 MiB, two passes, one lane: a choice of OWASP's for Argon2id (Password Storage Cheat Sheet), 40 to 45 ms a hash.
 *
 * glibc keeps freed blocks of this size in each of libuv's four threads: after the first hashes the process stays 140 MB larger.
 * Started with `MALLOC_MMAP_THRESHOLD_=4194304` it gives them back (6 MB stay), at 10 to 20 ms more a hash.
 */
const current = { memoryKib: 19_456, passes: 2, parallelism: 1 };
const saltBytes = 16;
const hashBytes = 32;

/** One for the process, because threads and memory belong to the process. 50 waiting are about a second of work on two cores. */
const processGate = createHashingGate({ concurrency: 2, waitingMax: 50, retryAfterS: 2 });

/**
 * Hashes a password with Argon2id under a fresh salt, off the event loop.
 *
 * @returns a PHC string (`$argon2id$v=19$m=19456,t=2,p=1$salt$hash`) to store
 * @throws AppError `service.unavailable` when too many hashes wait already
 */
export async function hashPassword(password: string, gate: HashingGate = processGate): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await gate.run(() => derive(password, { ...current, salt, hashBytes }));
  const { memoryKib, passes, parallelism } = current;
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Whether the password is the one that `stored` was made from. For an unknown user pass `undefined`: the same work is done
 * and the answer is false, so that the time taken does not tell who has an account.
 *
 * @throws AppError `service.unavailable` when too many hashes wait already; Error when `stored` is not a hash of ours
 */
export async function verifyPassword(
  stored: string | undefined,
  password: string,
  gate: HashingGate = processGate,
): Promise<boolean> {
  const { hash, ...parameters } = stored === undefined ? nobody() : parse(stored);
  const derived = await gate.run(() => derive(password, { ...parameters, hashBytes: hash.length }));
  return timingSafeEqual(derived, hash) && stored !== undefined;
}

/** Whether `stored` was made with weaker or other parameters than today's, so that the next good log-in should hash it anew. */
export function needsRehash(stored: string): boolean {
  const { memoryKib, passes, parallelism, hash } = parse(stored);
  return (
    memoryKib !== current.memoryKib ||
    passes !== current.passes ||
    parallelism !== current.parallelism ||
    hash.length !== hashBytes
  );
}

interface Parameters {
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
}

function derive(
  password: string,
  { memoryKib, passes, parallelism, salt, ...size }: Parameters & { hashBytes: number },
) {
  // NFKC, because one keyboard sends "é" as one code point and another as two (NIST SP 800-63B §5.1.1.2).
  const message = password.normalize('NFKC');
  return new Promise<Buffer>((resolve, reject) => {
    argon2(
      'argon2id',
      { message, nonce: salt, memory: memoryKib, passes, parallelism, tagLength: size.hashBytes },
      (error, hash) => (error ? reject(error) : resolve(hash)),
    );
  });
}

const phc = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

function parse(stored: string): Parameters & { hash: Buffer } {
  const found = phc.exec(stored);
  if (!found) throw new Error('a stored password hash is not an Argon2id PHC string');
  const [, memoryKib, passes, parallelism, salt = '', hash = ''] = found;
  return {
    memoryKib: Number(memoryKib),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}

function nobody(): Parameters & { hash: Buffer } {
  return { ...current, salt: randomBytes(saltBytes), hash: randomBytes(hashBytes) };
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
