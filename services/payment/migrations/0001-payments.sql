-- One payment an order. Amounts are minor units of its currency.
create table payment (
  id uuid primary key,
  order_id uuid not null unique,
  provider text not null,
  -- A token of the provider's; never a card number.
  payment_token text not null,
  amount bigint not null check (amount >= 0),
  currency text not null,
  status text not null check (status in (
    'authorising', 'waiting', 'authorised', 'declined', 'unavailable',
    'voiding', 'voided', 'capturing', 'captured', 'capture-failed'
  )),
  captured bigint not null default 0,
  refunded bigint not null default 0,
  refunds_pending bigint not null default 0,
  failure jsonb,
  -- Whom to answer about the authorisation: { step, key, cause }.
  reply_to jsonb not null,
  -- Whom to answer once everything is given back, when somebody has asked for it.
  give_back jsonb,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  captured_at timestamptz,
  voided_at timestamptz,
  version int not null default 1,
  constraint captured_within_amount check (captured between 0 and amount),
  constraint refunded_within_captured check (
    refunded >= 0 and refunds_pending >= 0 and refunded + refunds_pending <= captured
  )
);
create index payment_waiting on payment (updated_at) where status = 'waiting';

-- What the provider answered, in order.
create table attempt (
  id bigint generated always as identity primary key,
  payment_id uuid not null,
  kind text not null check (kind in ('authorise', 'capture', 'void', 'refund')),
  outcome text not null check (outcome in ('approved', 'declined', 'pending', 'unknown')),
  tries int not null,
  failure jsonb,
  at timestamptz not null
);
create index attempt_by_payment on attempt (payment_id);

create table refund (
  id uuid primary key,
  payment_id uuid not null,
  amount bigint not null check (amount >= 0),
  currency text not null,
  status text not null check (status in ('pending', 'done', 'refused')),
  failure jsonb,
  refunded_at timestamptz not null,
  created_at timestamptz not null
);
create index refund_by_payment on refund (payment_id);

-- The ledger. A movement is one row with both its sides, so it cannot be out of balance, and its key keeps it from being booked twice.
create table movement (
  kind text not null check (kind in ('capture', 'refund')),
  id uuid not null,
  payment_id uuid not null,
  debit text not null,
  credit text not null check (credit <> debit),
  amount bigint not null check (amount >= 0),
  currency text not null,
  at timestamptz not null,
  recorded_at timestamptz not null default now(),
  primary key (kind, id)
);
create index movement_by_payment on movement (payment_id);
