/** One number that was measured. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** As it is printed after the number: `orders/s`, `ms`, `MB`, `×` … */
  readonly unit: string;
  readonly target?: Target;
}

/** What a figure is held against: a rate should reach it, a duration should stay below it. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** What a scenario found. `notes` are sentences that a reader needs to judge the figures. */
export interface Report {
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
  /** Where the time went, when it was asked for. */
  readonly profile?: readonly string[];
}

/** What a scenario works with. */
export interface Bench {
  /** Smaller counts and shorter runs, to see whether everything works. */
  readonly quick: boolean;
  /** Whether servers run under Node's CPU profiler, and the functions that took most are printed. */
  readonly profile: boolean;
  /** A folder of this run, removed after it. */
  readonly dir: string;
  /** Progress, for whoever watches. */
  say(line: string): void;
  /** Has something stopped when the scenario has ended, however it ended; the last first. */
  defer(stop: () => Promise<void>): void;
}

export interface Scenario {
  /** What it shows, in one line. */
  readonly about: string;
  run(bench: Bench): Promise<Report>;
}

export function isMet({ value, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

/** How the figure stands to its target: at least 1 when a rate is met, at most 1 when a limit is kept. */
export function ratioOf({ value, target }: Figure): number | undefined {
  if (target === undefined) return undefined;
  return value / ('atLeast' in target ? target.atLeast : target.atMost);
}
