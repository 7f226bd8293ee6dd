import { refusal } from '../errors/index.ts';
import type { Call } from '../service/index.ts';

/** The strong ETag of a version. */
export function entityTag(version: number | string): string {
  return `"${version}"`;
}

/**
 * Refuses with 412 `resource.stale` unless the request's `If-Match` (when it has one) names `version`, the version about to be changed.
 * The update itself must also have `and version = …` in its where-clause, for what happens between the two.
 */
export function requireMatch(call: Pick<Call, 'ifMatch'>, version: number | string): void {
  if (call.ifMatch === undefined || call.ifMatch.trim() === '*') return;
  if (tagsOf(call.ifMatch).includes(entityTag(version))) return;
  throw refusal('resource.stale', 'The resource has changed since it was read. Read it again and repeat the change.');
}

/** Whether `If-None-Match` names the version, so that 304 will do. Weak and strong tags compare alike (RFC 9110 §13.1.2). */
export function isFresh(ifNoneMatch: string, version: number | string): boolean {
  if (ifNoneMatch.trim() === '*') return true;
  const tag = entityTag(version);
  return tagsOf(ifNoneMatch).some((given) => given === tag || given === `W/${tag}`);
}

function tagsOf(header: string): string[] {
  return header.match(/(W\/)?"[^"]*"/g) ?? [];
}
