import { deepEqual, equal, throws } from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fault, findAppError, refusal } from '../errors/index.ts';
import { Type } from '../schema/index.ts';
import { decodeCursor, encodeCursor, pageOf } from './cursor.ts';
import { isFresh, requireMatch } from './entity-tag.ts';
import { eventText } from './event-stream.ts';
import { canonicalJson } from './fingerprint.ts';
import { parseJson, parseJsonText } from './json-body.ts';
import { problemHeaders, problemOf } from './problem.ts';
import { readQuery } from './query-text.ts';

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    return findAppError(error)?.code;
  }
};

describe('JSON from outside', () => {
  const plain = fc.jsonValue({ maxDepth: 5 }).filter((value) => {
    const text = JSON.stringify(value);
    return !/__proto__|"constructor"|\\u0000|\\ud[89a-f]/i.test(text);
  });

  test('is what JSON.parse makes of it when nothing is wrong', () => {
    fc.assert(
      fc.property(plain, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space);
        deepEqual(parseJsonText(text), JSON.parse(text));
      }),
    );
  });

  test('never gets a field twice, wherever it stands', () => {
    fc.assert(
      fc.property(
        plain,
        fc.string({ minLength: 1 }).filter((name) => name.isWellFormed() && !name.includes('\0')),
        (value, name) => {
          const field = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
          equal(
            codeOf(() => parseJsonText(`[{"a${name.length}":[{${field},${field}}]}]`)),
            'request.invalid',
          );
        },
      ),
    );
  });

  test('has no NUL, no half pairs, no names that reach prototypes and no bytes that are not UTF-8', () => {
    for (const text of [
      '"\\u0000"',
      '{"a\\u0000":1}',
      '"\\ud83d"',
      '{"__proto__":1}',
      '[{"constructor":1}]',
      '{"__pr\\u006fto__":1}',
    ]) {
      equal(
        codeOf(() => parseJsonText(text)),
        'request.invalid',
        text,
      );
    }
    equal(
      codeOf(() => parseJson(Buffer.from([0x22, 0xff, 0x22]))),
      'request.invalid',
    );
    equal(
      codeOf(() => parseJson(Buffer.from([0x22, 0xc0, 0x80, 0x22]))),
      'request.invalid',
    );
  });

  test('may hold 32 levels and no more', () => {
    equal(Array.isArray(parseJsonText(`${'['.repeat(32)}${']'.repeat(32)}`)), true);
    equal(
      codeOf(() => parseJsonText(`${'['.repeat(33)}${']'.repeat(33)}`)),
      'request.invalid',
    );
  });

  test('keeps texts that only look like structure', () => {
    deepEqual(parseJsonText('{"a":"{\\"b\\":1,\\"b\\":2}","c":"\\\\","d":"a\\u00e9"}'), {
      a: '{"b":1,"b":2}',
      c: '\\',
      d: 'aé',
    });
  });
});

test('canonical JSON is the same for every order of fields, and different for different values', () => {
  const shuffled = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([name, field]) => [name, shuffled(field)]),
    );
  };
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      equal(canonicalJson(shuffled(value)), canonicalJson(value));
      deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
    }),
  );

  test('a large text costs in proportion to its length, not to the square of it', () => {
    const msOf = (names: number) => {
      const text = JSON.stringify(Array.from({ length: names }, (_, n) => ({ id: `row-${n}`, name: 'Assam' })));
      const runs = Array.from({ length: 5 }, () => {
        const startedAtMs = performance.now();
        parseJsonText(text);
        return performance.now() - startedAtMs;
      });
      return Math.min(...runs);
    };
    msOf(1_000);
    const ratio = msOf(16_000) / msOf(1_000);
    equal(ratio < 80, true, `sixteen times as much took ${ratio.toFixed(0)} times as long`);
  });
});

describe('cursors', () => {
  const Position = Type.Tuple([Type.String(), Type.Integer()]);

  test('come back as they were given', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => text.isWellFormed() && !text.includes('\0')),
        fc.integer(),
        (text, count) => {
          deepEqual(decodeCursor(Position, encodeCursor([text, count])), [text, count]);
        },
      ),
    );
    const spelled = ['\\u0000', 1];
    deepEqual(decodeCursor(Position, encodeCursor(spelled)), spelled);
  });

  test('that were not given are refused', () => {
    fc.assert(
      fc.property(fc.string(), (text) =>
        equal(
          codeOf(() => decodeCursor(Position, text)),
          'request.invalid',
        ),
      ),
    );
    for (const forged of [
      encodeCursor(['a']),
      encodeCursor(['a\0', 1]),
      `${encodeCursor(['a', 1])}=`,
      encodeCursor({ 0: 'a', 1: 1 }),
    ]) {
      equal(
        codeOf(() => decodeCursor(Position, forged)),
        'request.invalid',
      );
    }
  });

  test('a page knows whether another follows', () => {
    deepEqual(
      pageOf([1, 2, 3], 3, (row) => row),
      { items: [1, 2, 3], nextCursor: null },
    );
    deepEqual(
      pageOf([1, 2, 3], 2, (row) => row),
      { items: [1, 2], nextCursor: encodeCursor(2) },
    );
    deepEqual(
      pageOf([], 2, (row) => row),
      { items: [], nextCursor: null },
    );
  });
});

test('If-Match compares strongly, If-None-Match weakly', () => {
  for (const given of [undefined, '*', '"7"', '"6", "7"']) requireMatch({ ifMatch: given }, 7);
  for (const given of ['"6"', 'W/"7"', '7', '', '"7']) throws(() => requireMatch({ ifMatch: given }, 7));
  deepEqual([isFresh('W/"7"', 7), isFresh('"6","7"', 7), isFresh('"77"', 7)], [true, true, false]);
});

test('a query is read as it is written, and told where it cannot be', () => {
  const none = new Set<string>();
  deepEqual({ ...readQuery('a=1&b=x+y%26&c&&d=%E2%82%AC=', none).values }, { a: '1', b: 'x y&', c: '', d: '€=' });
  deepEqual({ ...readQuery('t=1', new Set(['t'])).values }, { t: ['1'] });
  deepEqual(
    readQuery('a=1&a=1&b=%ff', none).problems.map(({ path }) => path),
    ['/query/a', '/query/b'],
  );
});

test('errors become problems by their code, found through wrapping', () => {
  const declared = { 'tea.gone': { status: 410, title: 'Gone' } };
  const wrapped = new Error('outer', { cause: new Error('middle', { cause: refusal('tea.gone', 'No more tea.') }) });
  equal(problemOf(wrapped, declared, 't').status, 410);
  equal(problemOf(fault('service.unavailable', 'Away.'), declared, 't').status, 503);
  for (const inner of [
    refusal('tea.unknown', 'x'),
    new Error('x'),
    'x',
    undefined,
    refusal('toString', 'x'),
    fault('internal', 'x'),
  ]) {
    const problem = problemOf(inner, declared, 't');
    deepEqual([problem.status, problem.code, problem.detail.includes('x ')], [500, 'internal', false]);
  }
  const busy = refusal('idempotency.in-progress', 'Wait.', { retryAfterS: 0.2 });
  deepEqual(problemHeaders(problemOf(busy, {}, 't'), busy), { 'retry-after': '1' });
});

test('an event is written on lines of its own, whatever is in it', () => {
  equal(
    eventText({ id: 'a\nb', event: 'x\r\ndata: y', data: { text: 'a\nb' } }),
    'id: ab\nevent: xdata: y\ndata: {"text":"a\\nb"}\n\n',
  );
});
