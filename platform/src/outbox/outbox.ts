import { assert } from '../errors/index.ts';
import { newId } from '../ids/index.ts';
import type { Cause, EventType, Message, PayloadOf } from '../schema/index.ts';
import { validatorOf } from '../schema/index.ts';
import { insertText, type Tx, type Writer, writer } from '../sql/index.ts';
import type { Clock } from '../time/index.ts';

/** A message on its way to one subscriber. */
export interface Outgoing {
  readonly subscriber: string;
  readonly message: Message;
}

/** A row of the outbox that has been committed. */
export interface OutboxEntry extends Outgoing {
  readonly seq: number;
}

export interface OutboxOptions {
  readonly clock: Clock;
  /** Which services hear a type of event. */
  readonly subscribersOf: (type: string) => readonly string[];
  /** Told what was committed here, in the order of the commits' acknowledgements. */
  readonly onCommitted: (entries: readonly OutboxEntry[]) => void;
  /** Told every event committed here, heard by somebody or not. */
  readonly onEvent?: (message: Message) => void;
}

/** An event to be told. */
export interface Publication<E extends EventType> {
  /** The aggregate it is about. */
  readonly key: string;
  readonly payload: PayloadOf<E>;
  readonly cause: Cause;
  /** When it happened; now unless given. */
  readonly occurredAt?: string;
  /** Milliseconds after its arrival before which nobody handles it. */
  readonly delayMs?: number;
}

const insert = insertText(
  'kit.outbox',
  { id: 'uuid', subscriber: 'text', type: 'text', key: 'text', body: 'json' },
  'returning seq',
);

/**
 * Messages out. They are rows of the transaction that causes them, so they exist if and only if it commits.
 * Chris Richardson, "Microservices Patterns", §3.3.7 (transactional outbox).
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #writer: Writer<Outgoing>;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#writer = writer('outbox', 50, (tx, rows) => this.#write(tx, rows));
  }

  /** Tells an event to all who listen. A payload that does not have the event's shape is a mistake of ours and throws. */
  publish<E extends EventType>(tx: Tx, event: E, { key, payload, cause, occurredAt, delayMs }: Publication<E>): void {
    const validator = validatorOf(event.payload);
    assert(validator.check(payload), `${event.type}: ${JSON.stringify(validator.violations(payload).slice(0, 3))}`);
    const message: Message = {
      id: newId(),
      type: event.type,
      key,
      payload,
      occurredAt: occurredAt ?? this.#options.clock.now(),
      cause,
      ...(delayMs && { delayMs }),
    };
    for (const subscriber of this.#options.subscribersOf(event.type)) this.send(tx, subscriber, message);
    const { onEvent } = this.#options;
    if (onEvent) tx.afterCommit(() => onEvent(message));
  }

  /** Sends one message to one service. */
  send(tx: Tx, subscriber: string, message: Message): void {
    tx.defer(this.#writer, { subscriber, message });
  }

  async #write(tx: Tx, rows: readonly Outgoing[]): Promise<void> {
    const inserted = await tx.query<{ seq: number }>(insert, [
      JSON.stringify(
        rows.map(({ subscriber, message: { id, type, key, ...body } }) => ({ id, subscriber, type, key, body })),
      ),
    ]);
    const entries = rows.map((row, at) => ({ ...row, seq: (inserted[at] as { seq: number }).seq }));
    tx.afterCommit(() => this.#options.onCommitted(entries));
  }
}
