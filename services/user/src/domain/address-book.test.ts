import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findAppError } from '@stoa/platform/errors';
import { rewriteAddressBook } from './address-book.ts';

const home = { name: 'Ada', line1: '1 Analytical Way', city: 'London', postalCode: 'N1', country: 'GB' };
const work = { ...home, line1: '2 Engine Court' };
const kept = { ...home, id: '0190a0a0-0000-7000-8000-000000000001', isDefault: true };
const made = () => '0190a0a0-0000-7000-8000-00000000000f';

function violationsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    return (findAppError(error)?.errors ?? []).map(({ path }) => path);
  }
  return [];
}

describe('an address book', () => {
  it('gives new addresses an id and makes the first the default when none is', () => {
    assert.deepEqual(rewriteAddressBook([], [home], made), [{ ...home, id: made(), isDefault: true }]);
  });

  it('keeps the ids of addresses that stay and drops those that are not sent', () => {
    assert.deepEqual(rewriteAddressBook([kept], [{ ...work, isDefault: true }, kept].slice(0, 1), made), [
      { ...work, id: made(), isDefault: true },
    ]);
    assert.deepEqual(rewriteAddressBook([kept], [{ ...kept, city: 'Bath' }], made), [{ ...kept, city: 'Bath' }]);
  });

  it('moves the default', () => {
    const book = rewriteAddressBook(
      [kept],
      [
        { ...kept, isDefault: false },
        { ...work, isDefault: true },
      ],
      made,
    );
    assert.deepEqual(
      book.map(({ isDefault }) => isDefault),
      [false, true],
    );
  });

  it('may be empty', () => {
    assert.deepEqual(rewriteAddressBook([kept], [], made), []);
  });

  it('refuses ids of others, ids that stand twice and two defaults', () => {
    assert.deepEqual(
      violationsOf(() => rewriteAddressBook([], [kept], made)),
      ['/addresses/0/id'],
    );
    assert.deepEqual(
      violationsOf(() => rewriteAddressBook([kept], [{ ...kept, isDefault: false }, kept], made)),
      ['/addresses/1/id'],
    );
    const two = [
      { ...home, isDefault: true },
      { ...work, isDefault: true },
    ];
    assert.deepEqual(
      violationsOf(() => rewriteAddressBook([], two, made)),
      ['/addresses'],
    );
  });
});
