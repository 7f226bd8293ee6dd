-- The inline projection of each order's stream: what it is now. Personal data is in contact only.
create table orders (
  id uuid primary key,
  number text not null unique,
  status text not null,
  user_id uuid,
  contact_id uuid not null,
  external_id text unique,
  placed_at timestamptz not null,
  version int not null,
  state json not null,
  created_at timestamptz not null,
  updated_at timestamptz not null default now()
) with (fillfactor = 60);
create index orders_by_user on orders (user_id, id) where user_id is not null;
create index orders_by_status on orders (status, id);
create index orders_by_placed_at on orders (placed_at, id);

-- Whom an order is for and where it goes. Erasure overwrites these rows and nothing else.
create table contact (
  id uuid primary key,
  user_id uuid,
  email text,
  shipping_address jsonb,
  erased_at timestamptz
);
create index contact_by_user on contact (user_id) where user_id is not null;

create table refund (
  id uuid primary key,
  order_id uuid not null references orders (id),
  status text not null check (status in ('pending', 'done', 'refused')),
  body jsonb not null,
  created_at timestamptz not null default now()
);
create index refund_by_order on refund (order_id);

create table shipment (
  id uuid primary key,
  order_id uuid not null references orders (id)
);

-- Numbers are taken in blocks of a hundred, so most orders need no statement for theirs.
create sequence order_number_block start 1000;

-- The key that guests' order tokens are made with.
create table secret (
  name text primary key,
  value bytea not null
);
