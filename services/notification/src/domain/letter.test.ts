import assert from 'node:assert/strict';
import { test } from 'node:test';
import { money } from '@stoa/platform/money';
import fc from 'fast-check';
import { type MailContent, orderConfirmed } from './content.ts';
import { headerText, renderHtml, renderText } from './letter.ts';
import { writeLetter } from './write-letter.ts';

const shop = { name: 'Stoa', url: 'https://shop.example' };
const ann = { email: 'ann@example.org', name: 'Ann' };
const gbp = (amount: number) => money(amount, 'GBP');
const lineOf = (title: string) => ({
  lineId: '',
  sku: 'A',
  productId: null,
  title,
  quantity: 6,
  unitPrice: gbp(255),
  lineTotal: gbp(1530),
});
const totals = { subtotal: gbp(1530), discount: gbp(30), shipping: gbp(0), tax: gbp(0), total: gbp(1500) };
const confirmed = (titles: string[]) =>
  orderConfirmed({ number: 'S-1', placedAt: '2010-12-01T23:30:00.000Z', items: titles.map(lineOf), totals });

test('a confirmation lists the lines and adds up', () => {
  const letter = writeLetter(confirmed(['LANTERN']), ann, shop);
  assert.equal(letter.subject, 'Your order S-1 is confirmed');
  assert.equal(
    renderText(letter, shop),
    `Hello Ann,

Thank you for your order S-1 of 1 December 2010. It is confirmed.

6 × LANTERN: £15.30

Subtotal: £15.30
Discount: −£0.30
Total: £15.00

Stoa
`,
  );
});

test('a confirmation of two thousand lines lists a hundred and says how many more', () => {
  const content = confirmed(Array.from({ length: 2_000 }, (_, at) => `item ${at}`));
  assert.equal(content.lines.length, 100);
  assert.match(renderText(writeLetter(content, ann, shop), shop), /… and 1900 more\./);
});

test('whatever a title or a name holds, the HTML has no element of theirs', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (title, name) => {
      const wild = `<script>"'&${title}`;
      const html = renderHtml(writeLetter(confirmed([wild]), { email: 'x', name: `<b>${name}` }, shop), shop);
      assert.doesNotMatch(html, /<script|<b>/);
      const tags = new Set([...html.matchAll(/<\/?([^\s>]*)/g)].map((match) => match[1]));
      const ours = ['!doctype', 'html', 'head', 'meta', 'title', 'body', 'p', 'table', 'tr', 'td'];
      assert.deepEqual(
        [...tags].filter((tag) => !ours.includes(tag!)),
        [],
      );
    }),
  );
});

test('a header is one line whatever is in it', () => {
  assert.equal(headerText('Ann\r\nBcc: all@example.org\u2028x'), 'Ann Bcc: all@example.org x');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (words) =>
      assert.doesNotMatch(headerText(words), /[\p{Cc}\u2028\u2029]/u),
    ),
  );
});

test('a password mail links to the shop with the token behind the hash', () => {
  const recipient = { ...ann, reset: { token: 'a+b', expiresAt: '2026-01-01T10:00:00.000Z' } };
  const text = renderText(writeLetter({ template: 'password-reset' }, recipient, shop), shop);
  assert.match(text, /https:\/\/shop\.example\/reset-password#token=a%2Bb/);
  assert.match(text, /1 January 2026 at 10:00 UTC/);
});

test('each mail says what has happened and what of the money', () => {
  const said = (content: MailContent) => renderText(writeLetter(content, ann, shop), shop).replaceAll('\n', ' ');
  const number = 'S-1';
  assert.match(
    said({ template: 'order-rejected', number, code: 'order.out-of-stock' }),
    /out of stock\. You have not been charged/,
  );
  assert.match(
    said({ template: 'order-rejected', number, code: 'never.heard-of' }),
    /S-1\. {2}You have not been charged/,
  );
  assert.match(
    said({ template: 'order-cancelled', number, total: gbp(5), wasConfirmed: false }),
    /You have not been charged/,
  );
  assert.match(
    said({ template: 'order-cancelled', number, total: gbp(5), wasConfirmed: true }),
    /£0\.05 was charged, it is returned/,
  );
  assert.match(
    said({ template: 'order-shipped', number, carrier: 'Post', trackingNumber: 'T1' }),
    /Carrier: Post Tracking number: T1/,
  );
  assert.match(
    said({ template: 'order-refunded', number, amount: gbp(123_456) }),
    /refunded £1,234\.56 of your order S-1/,
  );
});
