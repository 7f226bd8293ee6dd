import type { Outcome } from '@stoa/platform/schema';

/** The undo of what cannot be undone: money that has moved comes back by a refund only. */
export async function refuseUndo(commands: readonly unknown[]): Promise<Outcome[]> {
  const refused = {
    kind: 'refused',
    code: 'payment.not-undoable',
    detail: 'Money that has moved is given back by a refund.',
  } as const;
  return commands.map(() => refused);
}
