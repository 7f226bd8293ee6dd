import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import type { Place, Placement, Repetitions } from './placements.ts';
import { caches } from './suite/caches.ts';
import { deadlines } from './suite/deadlines.ts';
import { errorCodes } from './suite/error-codes.ts';
import { identity } from './suite/identity.ts';
import { messages } from './suite/messages.ts';
import { orderPerKey } from './suite/order-per-key.ts';
import { ownership } from './suite/ownership.ts';
import { paymentTokens } from './suite/payment-tokens.ts';
import { races } from './suite/races.ts';
import { readme } from './suite/readme.ts';
import { traces } from './suite/traces.ts';

/** What a part of the suite is given. */
export interface Conformance {
  readonly repetitions: Repetitions;
  /** The open shop; only while tests run. */
  place(): Place;
  /** A test. What it returns was seen from outside, and has to be the same wherever the services are. */
  test(name: string, run: () => Promise<unknown>): void;
}

const parts: Readonly<Record<string, (suite: Conformance) => void>> = {
  readme,
  ownership,
  identity,
  errorCodes,
  caches,
  traces,
  orderPerKey,
  messages,
  deadlines,
  paymentTokens,
  races,
};

/** For whoever changes what is to be seen: where the new list goes, to be read before it is taken over. */
const listToWrite = process.env.STOA_TEST_WRITE_SEEN;
const expected = new URL('./what-is-seen.json', import.meta.url);

export interface ConformOptions {
  /** Parts of the suite; all unless given. */
  readonly only?: readonly string[];
  /** What is to be said about this placement alone. */
  readonly more?: (place: () => Place) => void;
}

/** Runs the suite on one shop in one placement, and compares what was seen with what is to be seen in all of them. */
export function conform({ name, repetitions, open }: Placement, { only, more }: ConformOptions = {}): void {
  const chosen = Object.entries(parts).filter(([part]) => only?.includes(part) ?? true);
  describe(`the shop in ${name}`, () => {
    let opened: Place | undefined;
    const seen = new Map<string, unknown>();
    let toBeSeen: Readonly<Record<string, unknown>> = {};
    const place = (): Place => {
      if (opened === undefined) throw new Error('the shop is not open');
      return opened;
    };

    before(async () => {
      toBeSeen = JSON.parse(await readFile(expected, 'utf8'));
      opened = await open();
    });
    after(() => opened?.close());

    const suiteOf = (part: string): Conformance => ({
      repetitions,
      place,
      test(what, run) {
        it(what, async () => {
          const value = (await run()) ?? 'passed';
          const shown: unknown = JSON.parse(JSON.stringify(value));
          seen.set(`${part}: ${what}`, shown);
          if (!listToWrite) assert.deepEqual(shown, toBeSeen[`${part}: ${what}`]);
        });
      },
    });
    for (const [part, register] of chosen) describe(part, () => register(suiteOf(part)));

    more?.(place);

    it('keeps its promises through all of that', async () => {
      await place().shop.settled();
      const { checks } = await place().shop.invariants();
      assert.deepEqual(
        checks.filter(({ held }) => !held),
        [],
      );
    });

    it('did all that it does in every placement', async () => {
      const all = Object.fromEntries([...seen].sort(([a], [b]) => (a < b ? -1 : 1)));
      if (listToWrite) await writeFile(listToWrite, `${JSON.stringify(all, null, 2)}\n`);
      const isChosen = (what: string) => chosen.some(([part]) => what.startsWith(`${part}: `));
      assert.deepEqual(Object.keys(all), Object.keys(toBeSeen).filter(isChosen).sort());
    });
  });
}
