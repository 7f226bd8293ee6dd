/** What is told of a committed event: which kind of thing happened to what. Whoever needs more asks. */
export interface Hint {
  readonly type: string;
  /** The aggregate that the event is about: an id or a SKU, never anything that belongs to a person. */
  readonly key: string;
}

/** Tells other processes that events were committed: within milliseconds, at most once. For caches, which must not live long beside it. */
export interface Hints {
  tell(hint: Hint): void;
  /** Hears hints, of this process's own events too; of these types only, if any are given. */
  onHint(hear: (hint: Hint) => void, types?: readonly string[]): void;
  /** Called when hints may have been lost: forget everything that they would have kept fresh. */
  onMissed(hear: () => void): void;
  /** Whether every process's hints are being heard now; while they are not, nothing must be kept for longer than a change may stay unseen. */
  readonly hearing: boolean;
}
