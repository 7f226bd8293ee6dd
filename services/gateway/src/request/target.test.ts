import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readTarget } from './target.ts';

const urlOf = (raw: string, host = 'shop.example') => {
  const target = readTarget(raw, host);
  return 'refused' in target ? undefined : target.url;
};

test('a plain path stays as it is, with its query', () => {
  for (const url of ['/', '/a', '/a/b-c_d~e', '/a?b=c%20d&e', '/a/', '/a?x=1|2', "/a/$&'()*+,;=:@"])
    assert.equal(urlOf(url), url);
});

test('unreserved characters are decoded, other escapes put in upper case', () => {
  assert.equal(urlOf('/%61%2D%7e/%c3%a9%20'), '/a-~/%C3%A9%20');
});

test('dots inside a segment are no dot segment', () => {
  for (const url of ['/a.b', '/...', '/.well-known/jwks.json', '/a..b', '/..a']) assert.equal(urlOf(url), url);
});

test('an absolute target counts only for this host, whatever its case', () => {
  assert.equal(urlOf('http://SHOP.example/a?b'), '/a?b');
  assert.equal(urlOf('https://shop.example'), '/');
  assert.equal(urlOf('http://other.example/a'), undefined);
  assert.equal(urlOf('ftp://shop.example/a'), undefined);
});

test('whatever is let through is in one spelling, has no dot or empty segment, and cannot be decoded into one', () => {
  const piece = fc.constantFrom(
    'a',
    '.',
    '..',
    '/',
    '//',
    '%2e',
    '%2F',
    '%5c',
    '\\',
    '%00',
    '#',
    '?',
    '%',
    '%61',
    '%c3%a9',
    ';',
    ' ',
    'é',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const url = urlOf(`/${pieces.join('')}`);
      if (url === undefined) return;
      assert.equal(urlOf(url), url);
      const path = url.split('?', 1)[0] as string;
      const decoded = decodeURIComponent(path);
      assert.doesNotMatch(decoded, /\/\.{0,2}\/|\/\.{1,2}$|[\\\0#]/);
      assert.equal(decoded.split('/').length, path.split('/').length);
    }),
  );
});
