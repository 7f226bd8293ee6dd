import { deepEqual, equal } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sampleContract } from '../testing/index.ts';
import { openApiOf } from './openapi.ts';

interface Described {
  readonly parameters: { name: string; in: string; required: boolean }[];
  readonly security: object[];
  readonly requestBody?: { required: boolean; content: Record<string, unknown> };
  readonly responses: Record<string, { description: string; content?: Record<string, unknown> }>;
}

const text = JSON.stringify(openApiOf([sampleContract], { title: 'Stoa', version: '1' }));
const document = JSON.parse(text) as { openapi: string; paths: Record<string, Record<string, Described>> };
const at = (path: string, method: string) => document.paths[path]?.[method] as Described;

describe('the OpenAPI document', () => {
  test('has every operation that can be reached from outside, and no other', () => {
    equal(document.openapi, '3.1.0');
    const addresses = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    equal(addresses.length, Object.keys(sampleContract.operations).length - 1);
    equal(text.includes('/internal/'), false);
  });

  test('describes parameters, bodies and headers', () => {
    deepEqual(
      at('/api/v1/teas', 'get').parameters.map(({ name, in: where, required }) => `${where} ${name} ${required}`),
      [
        'query limit false',
        'query cursor false',
        'query organic false',
        'query tag false',
        'header If-None-Match false',
      ],
    );
    const place = at('/api/v1/tea-orders', 'post');
    deepEqual(
      place.parameters.map(({ name, required }) => `${name} ${required}`),
      ['Idempotency-Key true'],
    );
    deepEqual(Object.keys(place.requestBody?.content ?? {}), ['application/json']);
    deepEqual(Object.keys(at('/api/v1/teas/import', 'post').requestBody?.content ?? {}), ['text/csv']);
    equal(at('/api/v1/teas/{id}', 'get').parameters[0]?.required, true);
  });

  test('describes good answers and the codes of bad ones', () => {
    const { responses } = at('/api/v1/teas/{id}', 'get');
    deepEqual(Object.keys(responses).sort(), [
      ...['200', '304', '400', '401', '403', '404', '429'],
      ...['500', '502', '503', '504'],
    ]);
    equal(responses['404']?.description, '`tea.not-found`');
    deepEqual(Object.keys(responses['404']?.content ?? {}), ['application/problem+json']);
    equal(at('/api/v1/teas/{id}', 'delete').responses['204']?.content, undefined);
    deepEqual(Object.keys(at('/api/v1/watch', 'get').responses['200']?.content ?? {}), ['text/event-stream']);
  });

  test('says who may call', () => {
    deepEqual(at('/api/v1/teas', 'get').security, [{}, { bearer: [] }]);
    deepEqual(at('/api/v1/tea-orders/mine', 'get').security, [{ bearer: [] }]);
    deepEqual(at('/api/v1/tea-orders/{id}', 'get').security, [{ bearer: [] }, { orderToken: [] }]);
  });

  test('is plain JSON schema', () => equal(/"~/.test(text), false));
});
