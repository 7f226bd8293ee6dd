import { defineEffect } from '@stoa/platform/effect';
import { newId } from '@stoa/platform/ids';
import type { Cause } from '@stoa/platform/schema';
import type { Tx } from '@stoa/platform/sql';
import type { NotificationDeps, NotificationService } from '../deps.ts';
import { deleteMailFiles as deleteFiles } from '../mail/mail-files.ts';

interface DeleteMailFiles {
  readonly mailIds: readonly string[];
}

const filesAtOnce = 500;

/** Deletes the files of mails whose owner is to be forgotten. Deleting twice, or what was never there, does no harm. */
export const deleteMailFiles = defineEffect<DeleteMailFiles, null, NotificationDeps>({
  name: 'delete-mail-files',
  concurrency: 1,
  timeoutMs: 60_000,
  attemptsMax: 1_000,
  retryDelayMs: 1_000,
  async perform({ payload }, { mailFolder }) {
    await deleteFiles(mailFolder, payload.mailIds);
    return null;
  },
  async complete() {},
  async giveUp({ payload }, reason, _tx, service) {
    service.log.error(
      { mailIds: payload.mailIds, reason },
      'mails of somebody erased could not be deleted: delete their files by hand',
    );
  },
});

/** Has the files of mails deleted once the transaction has committed. */
export function forgetMailFiles(
  tx: Tx,
  service: NotificationService,
  { mailIds, cause }: { readonly mailIds: readonly string[]; readonly cause: Cause },
): void {
  for (let at = 0; at < mailIds.length; at += filesAtOnce) {
    const payload: DeleteMailFiles = { mailIds: mailIds.slice(at, at + filesAtOnce) };
    service.perform(tx, { effect: deleteMailFiles.name, id: newId(), payload, cause });
  }
}
