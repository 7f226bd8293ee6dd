import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProxies } from './client-address.ts';

test('without configured proxies nobody is believed', () => {
  const proxies = createProxies([]);
  assert.equal(proxies.isTrusted('127.0.0.1'), false);
  assert.equal(proxies.clientAddress('10.0.0.1', '1.2.3.4'), '10.0.0.1');
});

test('the client is the last address that is not one of ours', () => {
  const proxies = createProxies(['10.0.0.0/8', 'fd00::/8', '192.0.2.7']);
  assert.equal(proxies.clientAddress('10.0.0.1', '6.6.6.6, 1.2.3.4, 10.0.0.2'), '1.2.3.4');
  assert.equal(proxies.clientAddress('fd00::1', '2001:db8::1'), '2001:db8::1');
  assert.equal(proxies.clientAddress('192.0.2.7', undefined), '192.0.2.7');
  assert.equal(proxies.clientAddress('192.0.2.8', '1.2.3.4'), '192.0.2.8');
});

test('an entry that is no address ends the chain', () => {
  const proxies = createProxies(['10.0.0.0/8']);
  assert.equal(proxies.clientAddress('10.0.0.1', '1.2.3.4, unknown'), '10.0.0.1');
});

test('IPv4 shown as IPv6 is IPv4', () => {
  const proxies = createProxies(['10.0.0.0/8']);
  assert.equal(proxies.isTrusted('::ffff:10.1.1.1'), true);
  assert.equal(proxies.clientAddress('::ffff:10.1.1.1', '1.2.3.4'), '1.2.3.4');
});

test('what is no address or network is refused at start', () => {
  for (const entry of ['proxy', '10.0.0.0/x', '10.0.0.300', '10.0.0.0/99'])
    assert.throws(() => createProxies([entry]), entry);
});
