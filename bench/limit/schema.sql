-- The least that a check-out has to keep: one database, no services, no messages, nobody outside to call.
create table stock (
  sku integer primary key,
  available integer not null check (available >= 0),
  sold integer not null default 0
);

create table orders (
  id uuid primary key,
  status text not null,
  total bigint not null,
  placed_at timestamptz not null default now()
);

create table order_event (
  order_id uuid not null,
  version integer not null,
  type text not null,
  body jsonb not null,
  at timestamptz not null default now(),
  primary key (order_id, version)
);

create table idempotency (
  key text primary key,
  order_id uuid not null,
  at timestamptz not null default now()
);

create table stock_ledger (
  id bigint generated always as identity primary key,
  sku integer not null,
  order_id uuid not null,
  quantity integer not null
);

create table payment (
  order_id uuid primary key,
  amount bigint not null,
  captured bigint not null check (captured <= amount)
);

create table payment_ledger (
  id bigint generated always as identity primary key,
  order_id uuid not null,
  account text not null,
  amount bigint not null
);

insert into stock (sku, available) select n, 10000000 from generate_series(1, 200) as n;
