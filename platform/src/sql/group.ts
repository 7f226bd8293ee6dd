import { turn } from '../lifecycle/index.ts';
import type { Database } from './database.ts';
import { isConnectionError } from './pool.ts';
import type { Tx } from './sql.ts';
import { openTx, Pending } from './transaction.ts';

interface Member {
  readonly work: (tx: Tx) => unknown;
  readonly settle: { resolve(value: never): void; reject(error: unknown): void };
}

const membersMax = 200;
const groupsAtOnceMax = 2;

/** Lets transactions that only defer their writes share one commit. */
export class GroupCommit {
  readonly #database: Database;
  #waiting: Member[] = [];
  #running = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  run<T>(work: (tx: Tx) => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, settle: { resolve: resolve as (value: never) => void, reject } });
      if (this.#running < groupsAtOnceMax) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#running++;
    while (this.#waiting.length > 0) {
      await turn();
      await this.#commit(this.#waiting.splice(0, membersMax));
    }
    this.#running--;
  }

  async #commit(members: Member[]): Promise<void> {
    let outcomes: readonly PromiseSettledResult<unknown>[] = [];
    try {
      await this.#database.transaction(async (tx) => {
        outcomes = await runTogether(members, tx);
      });
      members.forEach((member, at) => {
        const outcome = outcomes[at] as PromiseSettledResult<unknown>;
        if (outcome.status === 'fulfilled') member.settle.resolve(outcome.value as never);
        else member.settle.reject(outcome.reason);
      });
    } catch (error) {
      const [only] = outcomes;
      // When the connection broke, the commit may have gone through: whoever asked must look before asking again.
      if (isAway(error)) for (const member of members) member.settle.reject(error);
      else if (members.length > 1) for (const member of members) await this.#commit([member]);
      // What it made of its statement's failure says more than the failure.
      else members[0]?.settle.reject(only?.status === 'rejected' ? only.reason : error);
    }
  }
}

function isAway(error: unknown): boolean {
  return isConnectionError(error) || (error instanceof Error && isConnectionError(error.cause));
}

/** Runs each work with writes of its own; those of a work that fails are forgotten, the others' go on together. */
async function runTogether(members: readonly Member[], tx: Tx): Promise<PromiseSettledResult<unknown>[]> {
  const pendings = members.map(() => new Pending());
  const outcomes = await Promise.allSettled(
    members.map(async (member, at) => member.work(openTx(tx, pendings[at] as Pending))),
  );
  outcomes.forEach((outcome, at) => {
    if (outcome.status === 'fulfilled') (pendings[at] as Pending).replay(tx);
  });
  return outcomes;
}
