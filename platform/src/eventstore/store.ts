import { assert, refusal } from '../errors/index.ts';
import { newId } from '../ids/index.ts';
import type { RecordedEvent, StreamEvent } from '../schema/index.ts';
import { insertText, type Sql, sqlState, type Tx, violatedConstraint, type Writer, writer } from '../sql/index.ts';

/** What is appended: `id` makes a repeated append harmless. */
export type NewEvent<E extends StreamEvent = StreamEvent> = E & { readonly id?: string };

/** Turns an event of an older version of its type into the next version's shape. Keyed by the old type, `order-placed@1`. */
export type Upcasters = Readonly<Record<string, (data: never) => StreamEvent>>;

interface EventRow {
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly actor: string;
  readonly at: string;
}

const insert = insertText(
  'kit.event',
  { stream: 'uuid', version: 'int', id: 'uuid', type: 'text', data: 'jsonb', actor: 'text', at: 'timestamptz' },
  'on conflict (id) do nothing',
);

const events: Writer<EventRow> = writer('events', 10, async (tx, rows) => {
  try {
    await tx.query(insert, [JSON.stringify(rows)]);
  } catch (error) {
    if (sqlState(error) !== '23505' || violatedConstraint(error) !== 'event_pkey') throw error;
    throw refusal('stream.conflict', 'The stream has moved on since it was read.', { cause: error });
  }
});

const columns = 'stream, version, id, type, data, actor, at';

/**
 * Streams of events. Greg Young, "CQRS Documents" (2010): append with an expected version, state by folding. `upcasters` are applied when reading, so
 * the rest of a program knows only the newest shapes.
 */
export class EventStore<E extends StreamEvent> {
  readonly #upcasters: Upcasters;

  constructor(upcasters: Upcasters = {}) {
    this.#upcasters = upcasters;
  }

  /**
   * Appends with the transaction. `expectedVersion` is the version the decision was made on, 0 for a new stream; if the stream has moved on, the
   * transaction fails with `stream.conflict`. Returns the events as they will be recorded.
   */
  append(
    tx: Tx,
    stream: string,
    expectedVersion: number,
    appended: readonly NewEvent<E>[],
    origin: { actor: string; at: string },
  ): RecordedEvent<E>[] {
    assert(appended.length > 0, 'an append has at least one event');
    return appended.map(({ id, type, data }, at) => {
      const row = { stream, version: expectedVersion + at + 1, id: id ?? newId(), type, data, ...origin };
      tx.defer(events, row);
      return row as RecordedEvent<E>;
    });
  }

  /** The events of a stream in order, from a version on. */
  async read(sql: Sql, stream: string, fromVersion = 1): Promise<RecordedEvent<E>[]> {
    const rows = await sql.query<EventRow>(
      `select ${columns} from kit.event where stream = $1 and version >= $2 order by version`,
      [stream, fromVersion],
    );
    return rows.map((row) => this.#upcast(row));
  }

  /** Every stream in turn, in batches: for rebuilding projections and for checks. Bounded memory. */
  async *readAll(sql: Sql, streamsPerBatch = 500): AsyncGenerator<RecordedEvent<E>[][]> {
    for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
      const rows = await sql.query<EventRow>(
        `select ${columns} from kit.event where stream in (
          select distinct stream from kit.event where stream > $1 order by stream limit $2
        ) order by stream, version`,
        [after, streamsPerBatch],
      );
      if (rows.length === 0) return;
      const streams = Map.groupBy(rows, (row) => row.stream);
      yield [...streams.values()].map((stream) => stream.map((row) => this.#upcast(row)));
      after = (rows.at(-1) as EventRow).stream;
    }
  }

  #upcast(row: EventRow): RecordedEvent<E> {
    let { type, data } = row as StreamEvent;
    for (let upcaster = this.#upcasters[type]; upcaster; upcaster = this.#upcasters[type]) {
      const next = upcaster(data as never);
      assert(next.type !== type, `the upcaster of ${type} must change the type`);
      ({ type, data } = next);
    }
    return { ...row, type, data } as RecordedEvent<E>;
  }
}

/** Folds events into a state. */
export function fold<S, E extends StreamEvent>(
  evolve: (state: S, event: RecordedEvent<E>) => S,
  initial: S,
  stream: readonly RecordedEvent<E>[],
): S {
  return stream.reduce(evolve, initial);
}
