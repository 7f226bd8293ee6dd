import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readCsvFile } from './read-lines.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stoa-csv-'));
});
after(() => rm(folder, { recursive: true }));

async function read(content: string | Buffer) {
  const path = join(folder, 'file.csv');
  await writeFile(path, content);
  const file = readCsvFile(path);
  const lines: [number, readonly string[] | undefined][] = [];
  for await (const { number, fields } of file.lines) lines.push([number, fields]);
  return { lines, hash: file.hash() };
}

describe('a CSV file', () => {
  it('is read record by record, numbered by the lines of the file, whatever its line breaks', async () => {
    const expected = [
      [1, ['a', 'b']],
      [2, ['1', '2']],
      [3, ['', '']],
    ];
    assert.deepEqual((await read('a,b\n1,2\n,\n')).lines, expected);
    assert.deepEqual((await read('a,b\r\n1,2\r\n,')).lines, expected);
  });

  it('has quoted fields with commas, quotes and line breaks', async () => {
    const { lines } = await read('"a, b","say ""hi""",c\n"two\nlines",x,\nend,,\n');
    assert.deepEqual(lines, [
      [1, ['a, b', 'say "hi"', 'c']],
      [2, ['two\nlines', 'x', '']],
      [4, ['end', '', '']],
    ]);
  });

  it('takes a quote within an unquoted field as it is', async () => {
    assert.deepEqual((await read('1,12" RULER,2\n')).lines, [[1, ['1', '12" RULER', '2']]]);
  });

  it('loses one line to a quote that is never closed, not the rest of the file', async () => {
    const rest = Array.from({ length: 200 }, (_, index) => `${index},x`);
    const { lines } = await read(`a,"b\n${rest.join('\n')}\nlast,"one`);
    assert.deepEqual(lines[0], [1, undefined]);
    assert.deepEqual(lines[1], [2, ['0', 'x']]);
    assert.deepEqual(lines.at(-2), [201, ['199', 'x']]);
    assert.deepEqual(lines.at(-1), [202, undefined]);
    assert.equal(lines.length, 202);
  });

  it('counts an empty line as a line', async () => {
    assert.deepEqual((await read('a\n\nb\n')).lines, [
      [1, ['a']],
      [2, ['']],
      [3, ['b']],
    ]);
  });

  it('keeps letters whole that fall between two pieces of the file', async () => {
    const text = `${'é'.repeat(200_000)},x\n`;
    assert.deepEqual((await read(`-${text}`)).lines, [[1, [`-${'é'.repeat(200_000)}`, 'x']]]);
  });

  it('is named by the hash of its bytes', async () => {
    const content = Buffer.from('a,b\r\n1,\xe9\n', 'latin1');
    assert.equal((await read(content)).hash, createHash('sha256').update(content).digest('hex'));
  });
});
