import type { Job, Service } from '@stoa/platform/service';
import type { Database } from '@stoa/platform/sql';
import { fold } from '../domain/fold.ts';
import { mergeFacts } from '../store/facts.ts';
import { advanceRebuild, endRebuild, sweepGenerations, takeRebuild } from '../store/generations.ts';
import { readLog } from '../store/log.ts';

// A piece takes some 100 ms: short enough to hold no lock for long, long enough that commits do not count.
const entriesAtOnce = 2_000;
const sweptAtOnce = 10_000;

/** Carries on whatever rebuild has been begun, here or in a process that died, and then removes the generations it replaced. */
export const rebuildProjections: Job = {
  name: 'rebuild-projections',
  everyMs: 2_000,
  run: (service: Service) => rebuild(service.db),
};

/** Folds the log piece by piece into the generation being built and puts it in the live one's place. Ends when nothing is left to do. */
export async function rebuild(db: Database): Promise<void> {
  while (await foldPiece(db));
  while (await db.transaction((tx) => sweepGenerations(tx, sweptAtOnce)));
}

/** Folds the next piece; says whether another may follow. Progress is committed with the facts, so a kill costs one piece. */
export async function foldPiece(db: Database): Promise<boolean> {
  return db.transaction(async (tx) => {
    const rebuilding = await takeRebuild(tx);
    if (!rebuilding) return false;
    const { generation, foldedPosition, untilPosition } = rebuilding;
    const entries = await readLog(tx, foldedPosition, untilPosition, entriesAtOnce);
    const last = entries.at(-1);
    if (!last) {
      await endRebuild(tx, generation);
      return false;
    }
    await mergeFacts(tx, [generation], fold(entries));
    await advanceRebuild(tx, generation, last.position);
    return true;
  });
}
