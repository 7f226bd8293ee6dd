import { rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a mail is, in the folder of mails. */
export function mailPath(folder: string, id: string): string {
  return join(folder, `${id}.eml`);
}

/** Deletes the files of mails, where there are any. */
export async function deleteMailFiles(folder: string, ids: readonly string[]): Promise<void> {
  for (const id of ids) await rm(mailPath(folder, id), { force: true });
}
