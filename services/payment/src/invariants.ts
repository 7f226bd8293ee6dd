import type { InvariantCheck } from '@stoa/platform/service';
import type { PaymentService } from './deps.ts';
import {
  bookTotals,
  chargesWithoutPayment,
  countBooks,
  disagreeing,
  heldForNothing,
  ordersCapturedTwice,
} from './store/books.ts';

const witnessesMax = 10;

/** I3 and I4 of the promises, as far as the provider's books, the payments and the ledger can show them. */
export async function invariants({ db }: PaymentService): Promise<InvariantCheck[]> {
  const counts = await countBooks(db);
  return [await booksAgree(db, counts.payments + counts.charges), await chargedOnce(db, counts.charges)];
}

async function booksAgree(db: PaymentService['db'], checked: number): Promise<InvariantCheck> {
  const totals = (await bookTotals(db)).filter(
    ({ provider, payments, ledger }) => !same(provider, payments) || !same(payments, ledger),
  );
  const rows = totals.length > 0 ? await disagreeing(db, witnessesMax) : [];
  const violations = [
    ...totals.map(({ currency, provider, payments, ledger }) => ({
      witness: `${currency}: captured and refunded are ${shown(provider)} at the provider, ${shown(payments)} in payments, ${shown(ledger)} in the ledger`,
    })),
    ...rows.map(({ order_id, provider, payment, ledger }) => ({
      witness: `order ${order_id}: ${provider} kept at the provider, ${payment} in its payment, ${ledger} in the ledger`,
    })),
  ];
  return { name: 'I3', held: violations.length === 0, checked, violations };
}

async function chargedOnce(db: PaymentService['db'], checked: number): Promise<InvariantCheck> {
  const [twice, strays, held] = await Promise.all([
    ordersCapturedTwice(db, witnessesMax),
    chargesWithoutPayment(db, witnessesMax),
    heldForNothing(db, witnessesMax),
  ]);
  const violations = [
    ...twice.map((id) => ({ witness: `order ${id} was captured more than once` })),
    ...strays.map((key) => ({ witness: `charge ${key} belongs to no payment` })),
    ...held.map((id) => ({ witness: `the payment of order ${id} is over, but the provider still holds money for it` })),
  ];
  return { name: 'I4', held: violations.length === 0, checked, violations };
}

type Sums = { readonly captured: number; readonly refunded: number };

function same(a: Sums, b: Sums): boolean {
  return a.captured === b.captured && a.refunded === b.refunded;
}

function shown({ captured, refunded }: Sums): string {
  return `${captured} and ${refunded}`;
}
