import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { strict, Type, validatorOf } from './index.ts';

test('every violation is told, up to a hundred', () => {
  const { violations } = validatorOf(Type.Array(strict({ name: Type.String() })));
  const wrong = (length: number) => Array.from({ length }, () => ({ name: 1 }));
  deepEqual(
    violations(wrong(30)).map(({ path }) => path),
    wrong(30).map((_, at) => `/${at}/name`),
  );
  equal(violations(wrong(1_000)).length, 100);
});

test('a name of the caller’s own is not told back at any length', () => {
  const { violations } = validatorOf(strict({}));
  const [violation] = violations({ ['x'.repeat(1_000_000)]: 1 }, '/body');
  deepEqual(violation, { path: `/body/${'x'.repeat(199)}…`, message: 'is not a known field' });
});
