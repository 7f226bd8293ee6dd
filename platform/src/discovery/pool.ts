import type { Clock } from '../time/index.ts';

export interface PoolOptions {
  readonly clock: Clock;
  /** From 0 up to 1, as Math.random. */
  readonly random: () => number;
}

/** How a call went: the instance did its part, or not; `unknown` when that did not show (it was not asked, or not waited for). */
export type Outcome = 'ok' | 'failed' | 'unknown';

/** One instance, borrowed for one call. */
export interface Lease {
  readonly url: string;
  /** Tells how the call went; only the first time counts. */
  done(outcome: Outcome): void;
}

interface Member {
  readonly url: string;
  inFlight: number;
  failuresInRow: number;
  /** Set with the ejection, and cleared by the first good call after it: in between it takes one call at a time, on trial. */
  ejectedUntilMs: number | undefined;
  ejectionMs: number;
}

/** Failed calls in a row after which an instance gets none for a while. */
const failuresMax = 5;
const ejectionMsMin = 1_000;
const ejectionMsMax = 30_000;

/**
 * The instances of one service. Of two random ones the one with fewer calls in flight is taken: nearly as even as asking all of them, and
 * callers that do not know of each other do not run to the same one (Mitzenmacher, "The Power of Two Choices", 2001).
 *
 * A dead instance refuses at once, so it always has the fewest calls and would draw all of them. Therefore one that fails five times in a
 * row is left out for 1 s, doubled each time up to 30 s. Never more than half are left out: then the fault lies elsewhere, and to send
 * every call to the rest would bring them down too.
 */
export class Pool {
  readonly #options: PoolOptions;
  #members: readonly Member[] = [];

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** What holds from now on. Calls to instances that are gone end as they would have. */
  replace(urls: readonly string[]): void {
    const known = new Map(this.#members.map((member) => [member.url, member]));
    this.#members = [...new Set(urls)].map((url) => known.get(url) ?? newMember(url));
  }

  /** Undefined when no instance is known. `avoid` is passed over when there is another. */
  acquire(avoid?: string): Lease | undefined {
    const members = this.#inUse();
    const member = this.#lessBusyOfTwo(avoid === undefined ? members : this.#besides(avoid, members));
    if (member === undefined) return undefined;
    member.inFlight += 1;
    let isDone = false;
    return {
      url: member.url,
      done: (outcome) => {
        if (isDone) return;
        isDone = true;
        member.inFlight -= 1;
        this.#learn(member, outcome);
      },
    };
  }

  list(): { readonly url: string; readonly ejected: boolean; readonly inFlight: number }[] {
    return this.#members.map(({ url, inFlight, ejectedUntilMs }) => ({
      url,
      ejected: ejectedUntilMs !== undefined,
      inFlight,
    }));
  }

  /** One that is left out may be well again; the one to be avoided has only just failed. */
  #besides(avoid: string, members: readonly Member[]): readonly Member[] {
    const others = members.filter(({ url }) => url !== avoid);
    if (others.length > 0) return others;
    const leftOut = this.#members.filter(({ url }) => url !== avoid);
    return leftOut.length > 0 ? leftOut : members;
  }

  #inUse(): readonly Member[] {
    if (this.#members.length < 2) return this.#members;
    const nowMs = this.#options.clock.nowMs();
    const good = this.#members.filter(
      (member) => member.ejectedUntilMs === undefined || (!isOut(member, nowMs) && member.inFlight === 0),
    );
    return good.length * 2 < this.#members.length ? this.#members : good;
  }

  #lessBusyOfTwo(members: readonly Member[]): Member | undefined {
    if (members.length < 2) return members[0];
    const one = Math.floor(this.#options.random() * members.length);
    const step = 1 + Math.floor(this.#options.random() * (members.length - 1));
    const [a, b] = [members[one], members[(one + step) % members.length]];
    return a !== undefined && b !== undefined && b.inFlight < a.inFlight ? b : a;
  }

  #learn(member: Member, outcome: Outcome): void {
    if (outcome === 'unknown') return;
    const nowMs = this.#options.clock.nowMs();
    // A call from before the ejection says nothing that was not known.
    if (isOut(member, nowMs)) return;
    if (outcome === 'ok') {
      Object.assign(member, newMember(member.url), { inFlight: member.inFlight });
      return;
    }
    member.failuresInRow += 1;
    if (member.failuresInRow < failuresMax || !this.#canSpare(member)) return;
    member.ejectionMs = Math.min(ejectionMsMax, Math.max(ejectionMsMin, member.ejectionMs * 2));
    member.ejectedUntilMs = nowMs + member.ejectionMs;
  }

  #canSpare(member: Member): boolean {
    const out = this.#members.filter((other) => other !== member && other.ejectedUntilMs !== undefined).length;
    return (out + 1) * 2 <= this.#members.length;
  }
}

/** No ejection is longer than the longest, whatever a clock says that was set back. */
function isOut({ ejectedUntilMs, ejectionMs }: Member, nowMs: number): boolean {
  return ejectedUntilMs !== undefined && ejectedUntilMs > nowMs && ejectedUntilMs - nowMs <= ejectionMs;
}

function newMember(url: string): Member {
  return { url, inFlight: 0, failuresInRow: 0, ejectedUntilMs: undefined, ejectionMs: 0 };
}
