import type { Violation } from '../errors/index.ts';

/** A query string taken apart; `problems` has what no schema could see. */
export interface ReadQuery {
  readonly values: Record<string, unknown>;
  readonly problems: readonly Violation[];
}

const none: readonly Violation[] = [];

/** Takes a query string apart. A name may be repeated only where `lists` has it. */
export function readQuery(text: string, lists: ReadonlySet<string>): ReadQuery {
  const values: Record<string, unknown> = Object.create(null);
  let problems: Violation[] | undefined;
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = decode(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined || name === '__proto__') {
      problems ??= [];
      problems.push({ path: `/query/${pointerPart(name ?? '')}`, message: 'is not properly encoded' });
    } else if (lists.has(name)) {
      values[name] ??= [];
      (values[name] as string[]).push(value);
    } else if (name in values) {
      problems ??= [];
      problems.push({ path: `/query/${pointerPart(name)}`, message: 'is given more than once' });
    } else {
      values[name] = value;
    }
  }
  return { values, problems: problems ?? none };
}

/** Percent-decoded text; undefined when it is not UTF-8 or has a NUL, which PostgreSQL cannot store. */
function decode(text: string): string | undefined {
  if (!/[%+]/.test(text)) return text;
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '));
    return decoded.includes('\0') ? undefined : decoded;
  } catch {
    return undefined;
  }
}

function pointerPart(name: string): string {
  return name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
}
