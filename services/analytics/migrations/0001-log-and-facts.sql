-- What was heard, as it was heard; never changed. Everything below `heard` is folded from it and can be made again.
create table heard (
  event_id uuid primary key,
  position bigint generated always as identity unique,
  type text not null,
  occurred_at timestamptz not null,
  payload jsonb not null
);

-- The fold lives in generations: one is read, and while a rebuild runs the next is filled beside it.
create table projection (
  only_row boolean primary key default true check (only_row),
  live int not null,
  building int
);
insert into projection (live) values (1);

-- A rebuild under way: everything up to `until_position` is folded by its job, everything later by the reactions themselves.
create table rebuild (
  generation int primary key,
  until_position bigint not null,
  folded_position bigint not null default 0
);

create table order_fact (
  generation int not null,
  order_id uuid not null,
  number text not null,
  currency text not null,
  total bigint not null,
  placed_at timestamptz not null,
  confirmed boolean not null,
  cancelled boolean not null,
  rejected boolean not null,
  counted boolean generated always as (confirmed and not cancelled) stored,
  primary key (generation, order_id)
);
create index order_fact_by_time on order_fact (generation, placed_at, order_id);

create table order_line_fact (
  generation int not null,
  order_id uuid not null,
  line_id uuid not null,
  product_id uuid,
  sku text not null,
  title text not null,
  quantity bigint not null,
  amount bigint not null,
  primary key (generation, order_id, line_id)
);

create table refund_fact (
  generation int not null,
  refund_id uuid not null,
  order_id uuid not null,
  currency text not null,
  amount bigint not null,
  refunded_at timestamptz not null,
  primary key (generation, refund_id)
);
create index refund_fact_by_time on refund_fact (generation, refunded_at);
create index refund_fact_by_order on refund_fact (generation, order_id);

create table customer_fact (
  generation int not null,
  user_id uuid not null,
  registered_at timestamptz not null,
  primary key (generation, user_id)
);
create index customer_fact_by_time on customer_fact (generation, registered_at);
