import { isDeepStrictEqual } from 'node:util';
import type { Shape } from './read-shapes.ts';

/**
 * What a receiver or a sender of the version before would stumble over. Only optional fields may come: a receiver of the version before leaves them out, and
 * one of this version does without them.
 */
export function breaks(before: Shape, after: Shape, at = ''): string[] {
  const { properties: fieldsBefore, required: neededBefore, items: itemBefore, anyOf: eitherBefore, ...rest } = before;
  const { properties: fieldsAfter, required: neededAfter, items: itemAfter, anyOf: eitherAfter, ...restAfter } = after;
  const problems = isDeepStrictEqual(rest, restAfter)
    ? []
    : [`${at || '/'} was ${JSON.stringify(rest)} and is ${JSON.stringify(restAfter)}`];
  problems.push(...breaksOfFields(fieldsOf(fieldsBefore), fieldsOf(fieldsAfter), at));
  const needed = { before: namesOf(neededBefore), after: namesOf(neededAfter) };
  for (const name of Object.keys(fieldsOf(fieldsAfter))) {
    const [was, is] = [needed.before.has(name), needed.after.has(name)];
    if (was !== is) problems.push(`${at}/${name} ${is ? 'has become required' : 'is no longer required'}`);
  }
  if (itemBefore !== undefined || itemAfter !== undefined)
    problems.push(...breaks((itemBefore ?? {}) as Shape, (itemAfter ?? {}) as Shape, `${at}/*`));
  const [either, now] = [(eitherBefore ?? []) as Shape[], (eitherAfter ?? []) as Shape[]];
  if (either.length !== now.length)
    problems.push(`${at || '/'} is one of ${now.length} and was one of ${either.length}`);
  else for (const [which, one] of either.entries()) problems.push(...breaks(one, now[which] as Shape, at));
  return problems;
}

function breaksOfFields(before: Record<string, Shape>, after: Record<string, Shape>, at: string): string[] {
  return Object.entries(before).flatMap(([name, shape]) => {
    const now = after[name];
    return now === undefined ? [`${at}/${name} is gone`] : breaks(shape, now, `${at}/${name}`);
  });
}

function fieldsOf(properties: unknown): Record<string, Shape> {
  return (properties ?? {}) as Record<string, Shape>;
}

function namesOf(required: unknown): Set<string> {
  return new Set((required ?? []) as string[]);
}
