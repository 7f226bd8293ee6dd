import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { Country, Currency, Email, IdText, Instant, Line, strict, Text, Type, validatorOf } from './index.ts';

test('every violation is told, up to a hundred', () => {
  const { violations } = validatorOf(Type.Array(strict({ name: Type.String() })));
  const wrong = (length: number) => Array.from({ length }, () => ({ name: 1 }));
  deepEqual(
    violations(wrong(30)).map(({ path }) => path),
    wrong(30).map((_, at) => `/${at}/name`),
  );
  equal(violations(wrong(1_000)).length, 100);
});

test('what a text has to be is said in words', () => {
  const formats = { Country, Currency, Email, IdText, Instant, line: Line(10), text: Text(10) };
  for (const [name, schema] of Object.entries(formats)) {
    const messages = validatorOf(schema)
      .violations('\u0007')
      .map(({ message }) => message)
      .join('\n');
    doesNotMatch(messages, /format|^$/, name);
    match(messages, /^must (be|have) /m, name);
  }
});

test('a name of the caller’s own is not told back at any length', () => {
  const { violations } = validatorOf(strict({}));
  const [violation] = violations({ ['x'.repeat(1_000_000)]: 1 }, '/body');
  deepEqual(violation, { path: `/body/${'x'.repeat(199)}…`, message: 'is not a known field' });
});
