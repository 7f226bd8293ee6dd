import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import type { Service } from '../service/index.ts';
import { type Database, insertText, type Tx, type Writer, writer } from '../sql/index.ts';
import type { Traces } from '../telemetry/index.ts';
import type { EffectDefinition, EffectRequest } from './definition.ts';
import { EffectQueue, lookEveryMs } from './queue.ts';

export interface EffectRunnerOptions {
  readonly db: Database;
  readonly definitions: readonly EffectDefinition<never, never, never>[];
  readonly service: () => Service<never>;
  readonly log: Logger;
  readonly traces?: Traces | undefined;
}

// The process that commits an effect is its first taker: attempt 1, and due again when that try must have ended.
const insert = `${insertText('kit.effect', {
  effect: 'text',
  id: 'text',
  payload: 'json',
  cause: 'json',
  epoch: 'int',
  attempts: 'int',
  due_at: 'timestamptz',
})
  .replace('r."due_at"', `clock_timestamp() + r."dueInMs" * interval '1 millisecond'`)
  .replace('"due_at" timestamptz', '"dueInMs" float8')} on conflict (effect, id) do nothing returning effect, id`;

/** Half of the numbers that there are: one of them may be asked for again under its id, and what somebody still has of the first asking is not to fit. */
const firstEpochMax = 2 ** 30;

/**
 * Performs effects outside. The attempt is committed before the call and the result after it, under the epoch the attempt was taken with, so a result
 * counts once; an attempt whose process died comes due again, and its next taker knows by `attempt` to look before repeating.
 */
export class EffectRunner {
  readonly #queues = new Map<string, EffectQueue>();
  readonly #writer: Writer<EffectRequest>;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: EffectRunnerOptions) {
    for (const definition of options.definitions)
      this.#queues.set(definition.name, new EffectQueue(definition, options));
    this.#writer = writer('effects', 40, (tx, rows) => this.#insert(tx, rows));
  }

  start(): void {
    if (this.#queues.size === 0) return;
    this.#timer = setInterval(() => {
      for (const queue of this.#queues.values()) {
        queue.hold();
        void queue.look();
      }
    }, lookEveryMs);
  }

  /** Asks for an effect with the transaction. */
  request(tx: Tx, request: EffectRequest): void {
    this.#queueOf(request.effect);
    tx.defer(this.#writer, request);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#queues.values()].map((queue) => queue.stop()));
  }

  #queueOf(name: string): EffectQueue {
    const queue = this.#queues.get(name);
    if (!queue) throw new Error(`there is no effect called ${name}`);
    return queue;
  }

  /** Whether it waits in the table to be taken, instead of being taken by the process that commits it. */
  #isDeferred(effect: string, delayMs: number | undefined): boolean {
    return Boolean(delayMs) || this.#queueOf(effect).isBackground;
  }

  async #insert(tx: Tx, rows: readonly EffectRequest[]): Promise<void> {
    const takenAtMs = performance.now();
    const epochs = rows.map(() => randomInt(firstEpochMax));
    const inserted = await tx.query<{ effect: string; id: string }>(insert, [
      JSON.stringify(
        rows.map(({ effect, id, payload, cause, delayMs }, at) => ({
          effect,
          id,
          payload,
          cause,
          epoch: epochs[at],
          ...(this.#isDeferred(effect, delayMs)
            ? { attempts: 0, dueInMs: delayMs ?? 0 }
            : { attempts: 1, dueInMs: this.#queueOf(effect).heldMs }),
        })),
      ),
    ]);
    const fresh = new Set(inserted.map((row) => `${row.effect} ${row.id}`));
    tx.afterCommit(() => {
      for (const [at, { effect, id, payload, cause, delayMs }] of rows.entries()) {
        // Taken out, as one that is asked for twice is done once.
        if (this.#isDeferred(effect, delayMs) || !fresh.delete(`${effect} ${id}`)) continue;
        this.#queueOf(effect).offer({
          effect: { id, payload: payload as never, cause, attempt: 1 },
          epoch: epochs[at] as number,
          takenAtMs,
        });
      }
    });
  }
}
