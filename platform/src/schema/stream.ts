/** Something that happened to one aggregate, as its stream keeps it. */
export interface StreamEvent<T extends string = string, D = unknown> {
  readonly type: T;
  readonly data: D;
}

/** An event of a stream with its place and origin. */
export interface RecordedEvent<E extends StreamEvent = StreamEvent> {
  readonly stream: string;
  /** 1 for the first of its stream, without gaps. */
  readonly version: number;
  readonly id: string;
  readonly type: E['type'];
  readonly data: E['data'];
  /** Who did it: `user:…`, `key:…`, `guest`, `saga:…`. Ids only. */
  readonly actor: string;
  /** When it happened, as the aggregate sees it; imports lie in the past. */
  readonly at: string;
}
