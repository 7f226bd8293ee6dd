import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openFileMailer } from './file-mailer.ts';
import { deleteMailFiles } from './mail-files.ts';

let parent: string;
before(async () => {
  parent = await mkdtemp(join(tmpdir(), 'stoa-mail-'));
});
after(() => rm(parent, { recursive: true, force: true }));

const mail = {
  id: 'm1',
  to: { name: 'Ann\r\nBcc: all@example.org', address: 'ann@example.org' },
  subject: 'Ordre n° 1\r\nX-Evil: 1',
  text: 'Hello',
  html: '<p>Hello</p>',
};

test('a mail is one whole file that only its owner reads, also after the folder was removed', async () => {
  const folder = join(parent, 'mail');
  const mailer = openFileMailer(folder, '"Stoa" <shop@stoa.example>');
  for (let round = 0; round < 2; round++) {
    await mailer.send(mail);
    assert.deepEqual(await readdir(folder), ['m1.eml']);
    assert.equal((await stat(join(folder, 'm1.eml'))).mode & 0o077, 0);
    const head = (await readFile(join(folder, 'm1.eml'), 'utf8')).split('\r\n\r\n')[0]!;
    assert.doesNotMatch(head, /^(Bcc|X-Evil):/m);
    assert.match(head, /^Message-ID: <m1@stoa\.example>\r$/m);
    await rm(folder, { recursive: true });
  }
  mailer.close();
});

test('deleting mails twice, or mails that never were, does no harm', async () => {
  const folder = join(parent, 'deleted');
  await openFileMailer(folder, 'shop@stoa.example').send(mail);
  await deleteMailFiles(folder, ['m1', 'never']);
  await deleteMailFiles(folder, ['m1']);
  assert.deepEqual(await readdir(folder), []);
});
