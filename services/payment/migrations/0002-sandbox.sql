-- The sandbox provider's own books. They play the outside world: written in transactions of their own, never together with ours.
create schema sandbox;

create table sandbox.charge (
  -- The idempotency key we gave: the payment's id.
  key uuid primary key,
  order_id uuid not null,
  token text not null,
  amount bigint not null,
  currency text not null,
  state text not null check (state in ('pending', 'authorised', 'declined', 'captured', 'voided')),
  code text,
  detail text,
  captures int not null default 0,
  captured bigint not null default 0,
  refunded bigint not null default 0,
  created_at timestamptz not null default now(),
  check (captured <= amount),
  check (refunded <= captured)
);
create index charge_by_order on sandbox.charge (order_id);

create table sandbox.refund (
  key uuid primary key,
  charge uuid not null references sandbox.charge,
  amount bigint not null,
  created_at timestamptz not null default now()
);

-- Calls that failed before anything was taken.
create table sandbox.failed_call (
  key uuid primary key,
  failed_at timestamptz not null default now()
);
