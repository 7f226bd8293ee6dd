import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { treeOf, whyNotBelow } from './category-tree.ts';

const category = (id: string, parentId: string | null, position = 0) => ({
  id,
  slug: id,
  title: id,
  parentId,
  position,
  version: 1,
});
const chain = ['a', 'b', 'c', 'd', 'e', 'f'].map((id, at, ids) => category(id, ids[at - 1] ?? null));

describe('the tree of categories', () => {
  it('has siblings by position, then by title', () => {
    const tree = treeOf([
      category('z', null),
      category('y', null, -1),
      category('x', 'z', 1),
      category('w', 'z', 1),
      category('v', 'z'),
    ]);
    assert.deepEqual(
      tree.map(({ id }) => id),
      ['y', 'z'],
    );
    assert.deepEqual(
      tree[1]?.children.map(({ id }) => id),
      ['v', 'w', 'x'],
    );
  });

  it('lets nothing lie below itself', () => {
    assert.equal(whyNotBelow(chain, 'a', 'a'), 'category.cycle');
    assert.equal(whyNotBelow(chain, 'a', 'c'), 'category.cycle');
    assert.equal(whyNotBelow(chain, 'c', 'a'), undefined);
  });

  it('is six levels deep at the most, counted with what moves along', () => {
    assert.equal(whyNotBelow(chain, 'new', 'e'), undefined);
    assert.equal(whyNotBelow(chain, 'new', 'f'), 'category.too-deep');
    const two = [...chain, category('g', null), category('h', 'g')];
    assert.equal(whyNotBelow(two, 'g', 'd'), undefined);
    assert.equal(whyNotBelow(two, 'g', 'e'), 'category.too-deep');
  });
});
