import { rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a mail is, in the folder of mails. */
export function mailPath(folder: string, id: string): string {
  return join(folder, `${id}.eml`);
}

/** Where a mail is while it is being written. */
export function partPath(folder: string, id: string): string {
  return `${mailPath(folder, id)}.part`;
}

/** Deletes the files of mails, where there are any, and what a process has left that died while it wrote one. */
export async function deleteMailFiles(folder: string, ids: readonly string[]): Promise<void> {
  for (const id of ids)
    for (const path of [mailPath(folder, id), partPath(folder, id)]) await rm(path, { force: true });
}
