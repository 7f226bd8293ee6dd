import type { Outcome } from '@stoa/platform/schema';

export const done: Outcome<Record<string, never>> = { kind: 'done', output: {} };

/** Sales and restocks follow the pivot of their sagas, which only go forward from there. */
export const notUndoable: Outcome<never> = {
  kind: 'refused',
  code: 'inventory.not-undoable',
  detail: 'A sale is not undone as a step; it is taken back by restocking.',
};
