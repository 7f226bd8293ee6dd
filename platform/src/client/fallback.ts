import { isFailure } from '../resilience/index.ts';
import type { Fallback } from '../schema/index.ts';

const keptMax = 1_000;

/** What stands in for an answer that cannot be had. */
export interface StandIn {
  /**
   * Asks. When that fails, gives what the contract declares instead and calls `onPartial`; throws the failure when there is nothing to give. Refusals are
   * answers and are thrown.
   *
   * @param question all that the answer depends on
   */
  ask(question: unknown, ask: () => Promise<unknown>, onPartial: () => void): Promise<unknown>;
}

export function createStandIn(fallback: Fallback): StandIn {
  return 'lastGoodMs' in fallback ? lastGood(fallback.lastGoodMs) : fixed(fallback.value);
}

function fixed(value: unknown): StandIn {
  return {
    ask: (_, ask, onPartial) =>
      ask().catch((error: unknown) => {
        if (!isFailure(error)) throw error;
        onPartial();
        return structuredClone(value);
      }),
  };
}

/** Keeps answers as text, so that nobody can change them later; those asked for longest ago go first. */
function lastGood(ageMsMax: number): StandIn {
  const kept = new Map<string, { readonly text: string; readonly atMs: number }>();
  return {
    async ask(question, ask, onPartial) {
      const key = JSON.stringify(question);
      try {
        const answer = await ask();
        kept.delete(key);
        kept.set(key, { text: JSON.stringify(answer), atMs: Date.now() });
        const [oldest] = kept.keys();
        if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest);
        return answer;
      } catch (error) {
        const last = kept.get(key);
        if (!isFailure(error) || last === undefined || Date.now() - last.atMs > ageMsMax) throw error;
        onPartial();
        return JSON.parse(last.text);
      }
    },
  };
}
