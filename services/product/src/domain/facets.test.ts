import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { facetsOf } from './facets.ts';

const categories = [
  { id: '1', slug: 'home', title: 'Home', parentId: null },
  { id: '2', slug: 'kitchen', title: 'Kitchen', parentId: '1' },
  { id: '3', slug: 'knives', title: 'Knives', parentId: '2' },
  { id: '4', slug: 'garden', title: 'Garden', parentId: null },
];

describe('facets', () => {
  it('count a category with all below it, the fullest first', () => {
    const counted = [
      { value: 'knives', count: 2 },
      { value: 'kitchen', count: 3 },
      { value: 'garden', count: 5 },
      { value: 'gone', count: 9 },
    ];
    const { categories: found, total } = facetsOf({ total: 10, categories: counted, tags: [], prices: [] }, categories);
    assert.equal(total, 10);
    assert.deepEqual(
      found.map(({ value, count }) => [value, count]),
      [
        ['garden', 5],
        ['home', 5],
        ['kitchen', 5],
        ['knives', 2],
      ],
    );
  });
});
