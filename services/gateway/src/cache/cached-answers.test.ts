import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { anonymous } from '@stoa/platform/schema';
import type { Exchange } from '../request/exchange.ts';
import type { Route } from '../routing/routes.ts';
import { createCachedAnswers } from './cached-answers.ts';

/** A gateway with a service of products behind it, whose answers say how many times it has been asked. */
function open() {
  const heard = { now: true };
  const time = { ms: 0, setMs: 0 };
  let asked = 0;
  const cached = createCachedAnswers({
    bytesMax: 1e6,
    clock: { nowMs: () => time.ms + time.setMs, now: () => '' } as never,
    nowMs: () => time.ms,
    hears: () => heard.now,
  });
  const ask = async (name: string, url: string, meanwhile = () => {}) => {
    const target = {
      handle(_request: IncomingMessage, response: ServerResponse) {
        meanwhile();
        response.writeHead(200).end(String(++asked));
      },
    };
    const route = { service: 'product', name, operation: { publicCacheS: 1 }, target } as unknown as Route;
    const request = new IncomingMessage(new Socket());
    request.complete = true;
    const response = new ServerResponse(request);
    const cause = { correlationId: 'test' };
    const exchange = { request, response, url, head: {}, cause, corsHeaders: [], requestId: '1', principal: anonymous };
    await cached.answer(exchange as unknown as Exchange, route);
    return asked;
  };
  return { heard, time, ask };
}

test('a product is kept for longer while its changes are heard', async () => {
  const { ask, time } = open();
  await ask('getProduct', '/api/v1/products/1');
  time.ms = 4_999;
  assert.equal(await ask('getProduct', '/api/v1/products/1'), 1);
  time.ms = 5_000;
  assert.equal(await ask('getProduct', '/api/v1/products/1'), 2);
});

test('a clock that is set back does not keep an answer for longer', async () => {
  const { ask, time } = open();
  await ask('getProduct', '/api/v1/products/1');
  Object.assign(time, { ms: 5_000, setMs: -300_000 });
  assert.equal(await ask('getProduct', '/api/v1/products/1'), 2);
});

test('what has no event shows its changes within a second, wherever they are made', async () => {
  for (const [name, url] of [
    ['listCategories', '/api/v1/categories'],
    ['listProducts', '/api/v1/products?facets=true'],
  ] as const) {
    const { ask, time } = open();
    await ask(name, url);
    time.ms = 499;
    assert.equal(await ask(name, url), 1, url);
    time.ms = 500;
    assert.equal(await ask(name, url), 2, url);
  }
});

test('an answer that was asked for while nothing was heard is not kept for longer, though it is by then', async () => {
  const { ask, time, heard } = open();
  heard.now = false;
  await ask('getProduct', '/api/v1/products/1', () => {
    heard.now = true;
  });
  time.ms = 500;
  assert.equal(await ask('getProduct', '/api/v1/products/1'), 2);
});
