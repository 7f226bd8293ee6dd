import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { searchText } from './search-text.ts';

describe('a search as typed', () => {
  for (const [typed, whole, begun] of [
    ['mug', '', 'mug'],
    ['  blue mu ', 'blue', 'mu'],
    ['blue "tea p', 'blue "tea p', ''],
    ['"tea pot" bl', '"tea pot"', 'bl'],
    ['"tea pot"', '"tea pot"', ''],
    ['mug -blue', 'mug -blue', ''],
    ['mug or', 'mug or', ''],
    ['tea OR mug', 'tea OR mug', ''],
    ['wht-heart-0', '', 'wht-heart-0'],
    ['crème brû', 'crème', 'brû'],
    ["a:* & b'", "a:* & b'", ''],
    ['', '', ''],
  ] as const) {
    it(`${JSON.stringify(typed)} has ${begun === '' ? 'no word half typed' : `${begun} half typed`}`, () => {
      assert.deepEqual(searchText(typed), { whole, begun });
    });
  }
});
