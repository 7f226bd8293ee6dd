import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from './config.ts';

test('without settings mails are files of the data directory', () => {
  assert.deepEqual(readConfig({}), {
    smtpUrl: undefined,
    mailFolder: '.stoa/mail',
    from: '"Stoa" <shop@stoa.example>',
    shop: { name: 'Stoa', url: 'http://localhost:3000' },
  });
});

test('links lead to the gateway on this machine unless the shop is said to be elsewhere', () => {
  const urlOf = (environment: Record<string, string>) => readConfig(environment).shop.url;
  assert.equal(urlOf({ PORT: '8090' }), 'http://localhost:8090');
  assert.equal(urlOf({ PORT: '0' }), 'http://localhost:3000');
  assert.equal(urlOf({ PORT: '8090', STOA_PUBLIC_URL: 'https://shop.example/' }), 'https://shop.example');
});

test('a shop’s name cannot break out of the sender', () => {
  assert.equal(readConfig({ STOA_SHOP_NAME: 'A "B" <x@y>\\' }).from, '"A B <x@y>" <shop@stoa.example>');
});

test('a mail server that is none and a sender that is none are refused', () => {
  assert.throws(() => readConfig({ STOA_SMTP_URL: 'http://mail' }), { code: 'config.invalid' });
  assert.throws(() => readConfig({ STOA_MAIL_FROM: 'shop' }), { code: 'config.invalid' });
});
