import type { Payment, PaymentStatus } from '@stoa/contracts/payment';
import { money } from '@stoa/platform/money';
import type { Sql } from '@stoa/platform/sql';

interface ViewRow {
  readonly id: string;
  readonly order_id: string;
  readonly provider: string;
  readonly status: PaymentStatus;
  readonly amount: number;
  readonly currency: string;
  readonly captured: number;
  readonly refunded: number;
  readonly failure: Payment['failure'];
  readonly captured_at: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly version: number;
}

type Of<T> = T & { readonly payment_id: string };
type AttemptRow = Of<Payment['attempts'][number]>;
type RefundViewRow = Of<{
  id: string;
  amount: number;
  currency: string;
  status: 'pending' | 'done' | 'refused';
  failure: Payment['failure'];
  refunded_at: string;
}>;
type MovementRow = Of<{
  kind: 'capture' | 'refund';
  id: string;
  debit: Payment['ledger'][number]['account'];
  credit: Payment['ledger'][number]['account'];
  amount: number;
  currency: string;
  at: string;
}>;

const columns = `id, order_id, provider, status, amount, currency, captured, refunded, failure, captured_at, created_at, updated_at, version`;

export async function findPayment(sql: Sql, id: string): Promise<Payment | undefined> {
  const rows = await sql.query<ViewRow>(`select ${columns} from payment where id = $1`, [id]);
  return (await withHistory(sql, rows))[0];
}

export async function findPaymentsOfOrder(sql: Sql, orderId: string): Promise<Payment[]> {
  return withHistory(sql, await sql.query<ViewRow>(`select ${columns} from payment where order_id = $1`, [orderId]));
}

/** Payments older than `before` (an id; all when undefined), the newest first. */
export async function findPayments(
  sql: Sql,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<Payment[]> {
  const rows = await sql.query<ViewRow>(`select ${columns} from payment where id < $1 order by id desc limit $2`, [
    before ?? 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    limit,
  ]);
  return withHistory(sql, rows);
}

async function withHistory(sql: Sql, payments: readonly ViewRow[]): Promise<Payment[]> {
  if (payments.length === 0) return [];
  const ids = [payments.map(({ id }) => id)];
  const [attempts, refunds, movements] = await Promise.all([
    sql.query<AttemptRow>(
      'select payment_id, kind, outcome, tries, failure, at from attempt where payment_id = any($1::uuid[]) order by id',
      ids,
    ),
    sql.query<RefundViewRow>(
      'select payment_id, id, amount, currency, status, failure, refunded_at from refund where payment_id = any($1::uuid[]) order by id',
      ids,
    ),
    sql.query<MovementRow>(
      'select payment_id, kind, id, debit, credit, amount, currency, at from movement where payment_id = any($1::uuid[]) order by recorded_at, id',
      ids,
    ),
  ]);
  const of = <T extends { payment_id: string }>(rows: readonly T[]) => Map.groupBy(rows, (row) => row.payment_id);
  const [attemptsOf, refundsOf, movementsOf] = [of(attempts), of(refunds), of(movements)];
  return payments.map((payment) => ({
    ...headOf(payment),
    attempts: (attemptsOf.get(payment.id) ?? []).map(({ payment_id: _, ...attempt }) => attempt),
    refunds: (refundsOf.get(payment.id) ?? []).map(({ id, amount, currency, status, failure, refunded_at }) => ({
      id,
      amount: money(amount, currency),
      status,
      failure,
      refundedAt: refunded_at,
    })),
    ledger: (movementsOf.get(payment.id) ?? []).flatMap(linesOf),
  }));
}

function headOf(row: ViewRow): Omit<Payment, 'attempts' | 'refunds' | 'ledger'> {
  const of = (amount: number) => money(amount, row.currency);
  return {
    id: row.id,
    orderId: row.order_id,
    provider: row.provider,
    status: row.status,
    amount: of(row.amount),
    captured: of(row.captured),
    refunded: of(row.refunded),
    failure: row.failure,
    captures: row.captured_at === null ? [] : [{ id: row.id, amount: of(row.captured), capturedAt: row.captured_at }],
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
  };
}

/** A movement's two lines: what one account is debited, the other is credited. */
function linesOf({ kind, id, debit, credit, amount, currency, at }: MovementRow): Payment['ledger'] {
  const line = { movement: kind, movementId: id, at };
  const moved = money(amount, currency);
  const none = money(0, currency);
  return [
    { ...line, account: debit, debit: moved, credit: none },
    { ...line, account: credit, debit: none, credit: moved },
  ];
}
