import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CliError } from '../cli-error.ts';
import { readAcknowledged } from './acknowledged.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stoa-acknowledged-'));
});
after(() => rm(folder, { recursive: true }));

const [one, other] = ['019345f2-7a10-7bcc-9d5e-0a4d1f6c2b11', '019345f2-7a10-7bcc-9d5e-0a4d1f6c2b12'];

async function read(text: string) {
  const file = join(folder, 'orders.txt');
  await writeFile(file, text);
  return readAcknowledged(file, false);
}

test('reads ids, one a line, without what is empty or follows #', async () => {
  const { ids } = await read(`# told to clients\n${one}\r\n\n  ${other} # the last\n${one}`);
  assert.deepEqual([...ids], [one, other]);
});

test('refuses a line that is no id, by its number, rather than to miss an order that never was', async () => {
  for (const line of ['SO-1042', `${one} ${other}`, one.toUpperCase(), `"${one}"`])
    await assert.rejects(read(`${one}\n# more\n${line}\n`), (error: CliError) => {
      assert.equal(error.ending, 'usage');
      assert.match(error.message, /orders\.txt, line 3: ".*" is not the id of an order/);
      return true;
    });
});
