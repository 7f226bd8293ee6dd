import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '@stoa/platform/ids';
import fc from 'fast-check';
import { type HostedPayment, hostPayment } from './testing/host-payment.ts';

interface Totals {
  totals: { currency: string; provider: Sums; payments: Sums; ledger: Sums }[];
  chargesWithoutPayment: string[];
  ordersCapturedTwice: string[];
}
type Sums = { captured: number; refunded: number };

const tokens = [
  'tok_approved',
  'tok_approved',
  'tok_declined',
  'tok_error_once',
  'tok_async',
  'tok_capture_fails',
  'tok_unavailable',
];

const act = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('capture' as const), amount: fc.integer({ min: 0, max: 1_200 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ does: fc.constant('refund' as const), amount: fc.integer({ min: 0, max: 700 }) }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('release' as const), amount: fc.constant(0) }) },
);

/** What happens to one order: an authorisation, perhaps taken back, then rounds of acts that race each other. */
const story = fc.record({
  paymentToken: fc.constantFrom(...tokens),
  thenFails: fc.nat(9).map((n) => n < 2),
  rounds: fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { maxLength: 4 }),
});

describe('the books', () => {
  let shop: HostedPayment;
  before(async () => {
    shop = await hostPayment('payment books');
  });
  after(() => shop.close());

  const violated = async () => (await shop.invariants()).filter(({ held }) => !held).map(({ name }) => name);

  it('of provider, payments and ledger agree after whatever happens to orders', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(story, { minLength: 5, maxLength: 15 }), async (stories) => {
        await Promise.all(
          stories.map(async ({ paymentToken, thenFails, rounds }) => {
            const orderId = newId();
            await shop.does('authorise', { orderId, paymentToken, thenFails });
            for (const round of rounds) {
              await Promise.all(round.map(({ does, amount }) => shop.does(does, { orderId, amount })));
            }
          }),
        );
        await shop.settled();
        const { totals, chargesWithoutPayment, ordersCapturedTwice } = (await shop.ask('getProviderTotals')) as Totals;
        for (const { provider, payments, ledger } of totals) {
          assert.deepEqual(provider, payments);
          assert.deepEqual(payments, ledger);
        }
        assert.deepEqual([chargesWithoutPayment, ordersCapturedTwice, await violated()], [[], [], []]);
      }),
      { numRuns: 6, endOnFailure: true },
    );
    const checks = await shop.invariants();
    assert.deepEqual(
      checks.map(({ name }) => name),
      ['I3', 'I4'],
    );
    assert.ok(checks.every(({ checked }) => checked > 0));
  });

  it('show each kind of damage, and name its witness', async () => {
    const orderId = newId();
    await shop.does('authorise', { orderId });
    await shop.does('capture', { orderId });
    const { id } = await shop.payment(orderId);
    const stray = newId();
    const damages: [string, string, string, string][] = [
      [
        'I3',
        orderId,
        `update movement set amount = amount + 1 where id = '${id}'`,
        `update movement set amount = amount - 1 where id = '${id}'`,
      ],
      [
        'I3',
        orderId,
        `update payment set captured = captured - 1 where id = '${id}'`,
        `update payment set captured = captured + 1 where id = '${id}'`,
      ],
      [
        'I3',
        orderId,
        `update sandbox.charge set refunded = 7 where key = '${id}'`,
        `update sandbox.charge set refunded = 0 where key = '${id}'`,
      ],
      [
        'I4',
        orderId,
        `update sandbox.charge set captures = 2 where key = '${id}'`,
        `update sandbox.charge set captures = 1 where key = '${id}'`,
      ],
      [
        'I4',
        stray,
        `insert into sandbox.charge (key, order_id, token, amount, currency, state) values ('${stray}', '${newId()}', 'tok_approved', 1, 'EUR', 'authorised')`,
        `delete from sandbox.charge where key = '${stray}'`,
      ],
    ];
    for (const [name, witness, damage, repair] of damages) {
      await shop.db.query(damage);
      const broken = (await shop.invariants()).filter(({ held }) => !held);
      assert.deepEqual(
        broken.map((check) => check.name),
        [name],
        damage,
      );
      assert.ok(
        broken[0]?.violations.some((violation) => violation.witness.includes(witness)),
        damage,
      );
      await shop.db.query(repair);
    }
    assert.deepEqual(await violated(), []);
  });

  it('show money held for a payment that is over', async () => {
    const orderId = newId();
    await shop.does('authorise', { orderId, thenFails: true });
    const { id } = await shop.payment(orderId);
    await shop.db.query(`update sandbox.charge set state = 'authorised' where key = $1`, [id]);
    assert.deepEqual(await violated(), ['I4']);
    await shop.db.query(`update sandbox.charge set state = 'voided' where key = $1`, [id]);
  });

  it('of the provider are read in pages', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = (await shop.ask('listProviderCharges', { limit: 7, ...(cursor !== null && { cursor }) })) as {
        items: { key: string; known: boolean }[];
        nextCursor: string | null;
      };
      assert.ok(page.items.every(({ known }) => known));
      seen.push(...page.items.map(({ key }) => key));
      cursor = page.nextCursor;
    } while (cursor !== null);
    const [all] = await shop.db.query<{ count: number }>('select count(*) from sandbox.charge', []);
    assert.equal(new Set(seen).size, all?.count);
  });
});
