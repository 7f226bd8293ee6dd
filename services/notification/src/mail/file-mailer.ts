import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import nodemailer from 'nodemailer';
import { type Mailer, messageOf } from './mailer.ts';

/** Puts mails into a folder as `<id>.eml`, which any mail program opens. A file is there whole or not at all. */
export function openFileMailer(folder: string, from: string): Mailer {
  const composer = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  return {
    async send(mail) {
      const { message } = await composer.sendMail(messageOf(mail, from));
      // The folder holds addresses and password links: nobody else's business.
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = mailPath(folder, mail.id);
      await writeFile(`${path}.part`, message as Buffer, { mode: 0o600 });
      await rename(`${path}.part`, path);
      return { kind: 'sent' };
    },
    close: () => composer.close(),
  };
}

/** Deletes the files of mails, where there are any. */
export async function deleteMailFiles(folder: string, ids: readonly string[]): Promise<void> {
  for (const id of ids) await rm(mailPath(folder, id), { force: true });
}

function mailPath(folder: string, id: string): string {
  return join(folder, `${id}.eml`);
}
