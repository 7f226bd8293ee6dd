import { deepEqual, equal, throws } from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AppError } from '@stoa/platform/errors';
import { takeApart } from './fleet.ts';

describe('STOA_DISCOVERY', () => {
  const apart = (text: string) => takeApart({ STOA_DISCOVERY: text });

  test('is a kind and what that needs', () => {
    deepEqual(apart('dns:shop.svc.cluster.local'), {
      STOA_DISCOVERY: 'dns',
      STOA_DNS_DOMAIN: 'shop.svc.cluster.local',
    });
    deepEqual(apart('consul:http://127.0.0.1:8500'), {
      STOA_DISCOVERY: 'consul',
      STOA_CONSUL_URL: 'http://127.0.0.1:8500',
    });
  });

  test('is a list of services and the URLs of their replicas, with or without blanks', () => {
    const expected = {
      STOA_DISCOVERY: 'static',
      STOA_ORDER_URL: 'http://10.0.0.7:4003,http://10.0.0.8:4003',
      STOA_USER_URL: 'http://10.0.0.9:4001',
    };
    deepEqual(apart('static:order=http://10.0.0.7:4003,http://10.0.0.8:4003;user=http://10.0.0.9:4001'), expected);
    deepEqual(
      apart(' static: order = http://10.0.0.7:4003,http://10.0.0.8:4003 ; user = http://10.0.0.9:4001 ; '),
      expected,
    );
  });

  test('is a kind alone where the rest has settings of its own, and leaves those as they are', () => {
    for (const kind of ['static', 'static:', 'dns', 'consul', '', 'nonsense'])
      equal(apart(kind).STOA_DISCOVERY, kind.replace(':', ''));
    deepEqual(takeApart({ STOA_DISCOVERY: 'static', STOA_ORDER_URL: 'http://10.0.0.7:4003' }), {
      STOA_DISCOVERY: 'static',
      STOA_ORDER_URL: 'http://10.0.0.7:4003',
    });
    equal(takeApart({ PORT: '3000' }).PORT, '3000');
  });

  test('is told where a list goes wrong', () => {
    const refused = (text: string, words: RegExp) =>
      throws(
        () => apart(text),
        (error: AppError) => error.code === 'config.invalid' && words.test(error.message),
      );
    refused('static:oder=http://10.0.0.7:4003', /"oder=http:\/\/10\.0\.0\.7:4003".*Services are gateway, user/);
    refused('static:order', /"order" has to be a service and its URLs/);
    refused('static:user=http://10.0.0.9:4001;order=', /"order="/);
    refused('static:order=http://10.0.0.7:4003;order=http://10.0.0.8:4003', /names order twice/);
  });
});
