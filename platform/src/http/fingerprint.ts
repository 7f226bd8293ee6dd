import { hash } from 'node:crypto';

/**
 * What a request asks for, as 64 hexadecimal characters (SHA-256): the same for every spelling of the same JSON, whatever the order of its
 * fields. Headers are no part of it.
 */
export function fingerprintOf(request: { params: unknown; query: unknown; body: unknown }): string {
  return hash('sha256', canonicalJson([request.params, request.query, request.body ?? null]), 'hex');
}

/** JSON with the names of every object in order. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const fields: string[] = [];
  for (const name of Object.keys(value).sort()) {
    const field = (value as Record<string, unknown>)[name];
    if (field !== undefined) fields.push(`${JSON.stringify(name)}:${canonicalJson(field)}`);
  }
  return `{${fields.join(',')}}`;
}
