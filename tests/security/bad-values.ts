/** A value as it stands in a JSON text. */
export interface BadValue {
  readonly name: string;
  readonly json: string;
  /** JSON that no shape makes good, because it means different things to different programs. */
  readonly neverGood?: true;
}

const text = (name: string, value: string): BadValue => ({ name, json: JSON.stringify(value) });

/** What is sent in the place of every field. */
export const badValues: readonly BadValue[] = [
  ...[
    '-1',
    '0',
    '0.1',
    '1e309',
    '"1"',
    '9007199254740992',
    '1000000000',
    '-0',
    'null',
    'true',
    '[]',
    '{}',
    '[[]]',
    '[null]',
  ].map((json) => ({ name: json, json })),
  text('an empty text', ''),
  text('a blank text', '   '),
  { name: 'NUL', json: '"a\\u0000b"', neverGood: true },
  { name: 'half a surrogate pair', json: '"\\ud83d"', neverGood: true },
  { name: 'the other half of one', json: '"\\ude00x"', neverGood: true },
  text('right to left', '\u202egnp.exe'),
  text('an emoji', '👩‍👩‍👧‍👦'),
  text('a megabyte', 'a'.repeat(1_000_000)),
  text('a line break', 'a\r\nX-Evil: 1'),
  text('__proto__', '__proto__'),
  text('SQL', "'; drop table orders; --"),
  text('HTML', '<img src=x onerror=alert(1)>'),
  text('a formula', "=cmd|' /C calc'!A0"),
  text('a template', '{{7*7}}<%= 7*7 %>'),
  text('a path', '../../../etc/passwd'),
  text('the year 1', '0001-01-01T00:00:00Z'),
  text('the year 9999', '9999-12-31T23:59:59Z'),
  text('a day that is none', '2026-02-30T00:00:00Z'),
  text('an id that nobody has', '00000000-0000-7000-8000-000000000000'),
  text('a URL to loopback', 'http://127.0.0.1:5432/'),
  text('a URL to a file', 'file:///etc/passwd'),
  { name: 'an object with __proto__', json: '{"__proto__":{"role":"admin"}}', neverGood: true },
  { name: 'an object with a constructor', json: '{"constructor":{"prototype":{"role":"admin"}}}', neverGood: true },
  { name: 'a field twice', json: '{"a":1,"a":2}', neverGood: true },
  { name: 'depth 10,000', json: `${'['.repeat(10_000)}${']'.repeat(10_000)}`, neverGood: true },
];

/** What is sent in the place of every parameter of a query, escaped. */
export const badTexts: readonly string[] = [
  '-1',
  '0',
  '0.1',
  '1e309',
  '9007199254740992',
  '1000000000',
  '',
  '%20',
  '%00',
  '%ff',
  '%ed%a0%80',
  '%e2%80%aegnp',
  '%0d%0aX-Evil:1',
  'a'.repeat(7_000),
  "'%3b%20drop%20table%20orders%3b%20--",
  '%3Cscript%3E',
  '%3Dcmd',
  '__proto__',
  '[]',
  '%7B%7D',
  'true',
  '%25',
  '%2500',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '2026-02-30T00:00:00Z',
  'EUR',
  '%22',
  '%5c',
  '%3a%2a',
  '(((((',
  '%26%7c!',
  'not-an-id',
  '00000000-0000-7000-8000-000000000000',
  // Cursors that nobody gave out: base64url of null, {}, [], numbers, texts, other lists' positions.
  'forged',
  'bnVsbA',
  'e30',
  'W10',
  'WzFlMzA5XQ',
  'Wy0xXQ',
  'WyJhXHUwMDAwIl0',
  'eyJpZCI6ImEifQ',
  ...[
    '["newest",9007199254740991,"00000000-0000-7000-8000-000000000000"]',
    '["newest",1e300,"x"]',
    '["price",-1,"x"]',
    '{"id":"00000000-0000-7000-8000-000000000000"}',
    '["00000000-0000-7000-8000-000000000000"]',
    '{"at":"9999-12-31T23:59:59Z","id":"00000000-0000-7000-8000-000000000000"}',
    '["9999-12-31T23:59:59Z","00000000-0000-7000-8000-000000000000"]',
    '["9999-99-99T99:99:99Z","00000000-0000-7000-8000-000000000000"]',
    '["\'","x"]',
    '[[[[]]]]',
    '{"service":"order"}',
    '{"service":"order","cursor":"x"}',
    '{"service":"__proto__"}',
    '"\\ud800"',
  ].map((json) => Buffer.from(json).toString('base64url')),
];

/** What is sent in the place of every parameter of a path, escaped. */
export const badSegments: readonly string[] = [
  'not-an-id',
  '-1',
  '0',
  '%00',
  '%ff',
  '%',
  '%2e%2e%2f%2e%2e',
  '..',
  '..%2f..%2fetc',
  '%5c..',
  'a'.repeat(201),
  'a'.repeat(7_000),
  "'%20or%201=1--",
  '%e2%80%ae',
  '%ed%a0%80',
  '__proto__',
  'constructor',
  '*',
  '%2a',
  '%0d%0aX-Evil:1',
  '00000000-0000-0000-0000-000000000000',
  '00000000-0000-7000-8000-000000000000',
  'FFFFFFFF-FFFF-7FFF-8FFF-FFFFFFFFFFFF',
  '%F0%9F%98%80',
  '1e309',
  '9007199254740993',
];

/** One place in a JSON value: the names and indexes that lead to it. */
export type Place = readonly (string | number)[];

/** Every place in a JSON value, the whole first. */
export function placesIn(value: unknown, at: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [
    at,
    ...Object.entries(value).flatMap(([name, inner]) =>
      placesIn(inner, [...at, Array.isArray(value) ? Number(name) : name]),
    ),
  ];
}

/** The value as JSON with something else at one place; undefined leaves the field out. */
export function jsonWith(value: unknown, [first, ...rest]: Place, put: string | undefined): string | undefined {
  if (first === undefined) return put;
  const inner = Object.entries(value as object)
    .map(([name, field]): [string, string | undefined] => [
      name,
      name === String(first) ? jsonWith(field, rest, put) : JSON.stringify(field),
    ])
    .filter((pair): pair is [string, string] => pair[1] !== undefined);
  if (Array.isArray(value)) return `[${inner.map(([, json]) => json).join(',')}]`;
  return `{${inner.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}
