import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import nodemailer from 'nodemailer';
import { mailPath, partPath } from './mail-files.ts';
import { type Mailer, messageOf } from './mailer.ts';

/** Puts mails into a folder as `<id>.eml`, which any mail program opens. A file is there whole or not at all. */
export function openFileMailer(folder: string, from: string): Mailer {
  const composer = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  return {
    async send(mail) {
      const { message } = await composer.sendMail(messageOf(mail, from));
      const part = partPath(folder, mail.id);
      // Synchronously: for a few kilobytes the detour through the thread pool costs several times the write itself.
      write(part, message as Buffer);
      renameSync(part, mailPath(folder, mail.id));
      return { kind: 'sent' };
    },
    close: () => composer.close(),
  };
}

/** Only the process's own user may read it: mails hold addresses and password links. */
function write(path: string, bytes: Buffer): void {
  try {
    writeFileSync(path, bytes, { mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // The first mail, or somebody has emptied the data directory.
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, bytes, { mode: 0o600 });
  }
}
