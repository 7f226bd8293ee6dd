import { setTimeout as sleep } from 'node:timers/promises';
import type { Findings, InvariantName } from './findings.ts';
import { invariants } from './findings.ts';

export type Verdict = 'held' | 'violated' | 'unknown';

export interface VerifiedInvariant {
  readonly name: InvariantName;
  readonly promise: string;
  readonly verdict: Verdict;
  readonly checked: number;
  /** How many things it is violated for; what more than one pass finds is one. */
  readonly violations: number;
  /** The first of them. */
  readonly witness: string | null;
}

const looksMax = 4;
const pauseMs = 1_000;

/**
 * Looks until nothing is wrong, or the same has been wrong every time. A shop that trades moves while it is read, and what is only that is gone at the
 * next look; what is really wrong stays.
 */
export async function lookAgain(look: () => Promise<Findings>): Promise<Findings> {
  let findings = await look();
  for (let times = 1; times < looksMax && !findings.clean; times++) {
    await sleep(pauseMs);
    findings = findings.stillIn(await look());
  }
  return findings;
}

/** What all passes together say of each invariant: held only when something was looked at and nothing was wrong anywhere. */
export function verdicts(passes: readonly Findings[]): VerifiedInvariant[] {
  return (Object.keys(invariants) as InvariantName[]).map((name) => {
    const violations = passes.flatMap((pass) => pass.violations(name));
    const checked = passes.reduce((all, pass) => all + pass.checked(name), 0);
    const verdict = violations.length > 0 ? 'violated' : checked === 0 ? 'unknown' : 'held';
    return {
      name,
      promise: invariants[name],
      verdict,
      checked,
      violations: new Set(violations.map(({ about }) => about)).size,
      witness: violations[0]?.witness ?? null,
    };
  });
}
