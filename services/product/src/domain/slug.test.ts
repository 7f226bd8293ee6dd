import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { categorySlugOf, slugChoices, slugOf } from './slug.ts';

describe('the slug of a title', () => {
  it('is made of its words in lower case, without accents and apostrophes', () => {
    assert.equal(slugOf('Crème brûlée dish'), 'creme-brulee-dish');
    assert.equal(slugOf("  The Potter's  Mug (½ l) "), 'the-potters-mug-1-2-l');
    assert.equal(slugOf('ＷＩＤＥ letters'), 'wide-letters');
    assert.equal(slugOf('Straße, Smørrebrød'), 'strasse-smorrebrod');
  });

  it('falls back to a plain word when the title has no Latin letter or digit', () => {
    assert.equal(slugOf('茶碗'), 'product');
    assert.equal(slugOf('!!!', 'category'), 'category');
  });

  it('ends at a word when the title is long, and anywhere when it is one word', () => {
    const slug = slugOf('seventeen letters '.repeat(20));
    assert.ok(slug.length <= 80);
    assert.match(slug, /-(seventeen|letters)$/);
    assert.equal(slugOf('x'.repeat(200)).length, 80);
  });

  it('never reads as an id', () => {
    const id = '0190f1e0-0000-7000-8000-000000000000';
    assert.equal(slugOf(id), `product-${id}`);
  });

  it('is no address that the catalogue has itself', () => {
    assert.deepEqual(
      ['Export', 'import', 'Imports'].map((title) => slugOf(title)),
      ['product-export', 'product-import', 'imports'],
    );
  });
});

describe('the slug of a category', () => {
  it('is that of its title where that says it all', () => {
    for (const title of ['Home & Garden', 'Crème brûlée', 'home-and-garden', 'Potters’ mugs (½ l)'])
      assert.equal(categorySlugOf(title), slugOf(title, 'category'));
  });

  it('differs where titles do, and is the same for one title however it is spelled', () => {
    const titles = ['C', 'C++', 'C#', '茶碗', 'Чай', 'Кофе', 'Чай green', 'Кофе green', 'green', 'ο', 'о', '🎁', '🎄'];
    const slugs = titles.map(categorySlugOf);
    assert.equal(new Set(slugs).size, titles.length);
    for (const slug of slugs) {
      assert.match(slug, /^[a-z0-9]+(-[a-z0-9]+)*$/);
      assert.equal(categorySlugOf(slug), slug);
    }
    assert.equal(categorySlugOf(' чай  GREEN '), categorySlugOf('Чай green'));
  });
});

describe('the choices of slugs for a product without one', () => {
  it('are the title, the title with its first SKU, and one that nobody else can have', () => {
    const choices = slugChoices({ title: 'Mug', sku: 'MUG_1', id: '0190f1e0-0000-7000-8000-0123456789ab' });
    assert.deepEqual(choices, ['mug', 'mug-mug-1', 'mug-0123456789ab']);
  });

  it('are never longer than a slug may be', () => {
    const choices = slugChoices({
      title: 'x'.repeat(200),
      sku: 'Y'.repeat(64),
      id: '0190f1e0-0000-7000-8000-0123456789ab',
    });
    for (const choice of choices) assert.match(choice, /^[a-z0-9]+(-[a-z0-9]+)*$/);
    assert.ok(Math.max(...choices.map((choice) => choice.length)) <= 120);
  });
});
