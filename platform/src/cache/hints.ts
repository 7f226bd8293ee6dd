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

/**
 * Hints within this process.
 *
 * @param options.alone whether there is no other process that has events to tell of
 */
export function createMemoryHints({ alone }: { alone: boolean }): Hints {
  const hearers: ((hint: Hint) => void)[] = [];
  return {
    hearing: alone,
    tell(hint) {
      for (const hear of hearers) hear(hint);
    },
    onHint(hear, types) {
      const wanted = types && new Set(types);
      hearers.push((hint) => (wanted === undefined || wanted.has(hint.type)) && hear(hint));
    },
    onMissed: () => undefined,
  };
}
