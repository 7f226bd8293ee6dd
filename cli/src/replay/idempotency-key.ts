import { createHash } from 'node:crypto';

const lengthMax = 255;

/** An Idempotency-Key made of what the call is about: visible ASCII, readable while it fits. */
export function idempotencyKey(...parts: readonly (string | number)[]): string {
  const key = ['replay', ...parts].map((part) => encodeURIComponent(part)).join(':');
  return key.length <= lengthMax ? key : `replay:${createHash('sha256').update(key).digest('base64url')}`;
}
