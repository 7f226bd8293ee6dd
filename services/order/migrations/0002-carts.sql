-- What somebody means to buy. While order_id is set the cart has been ordered: it can neither be changed nor ordered again.
create table cart (
  id uuid primary key,
  user_id uuid,
  -- Of the first item, unless it was chosen when the cart was made.
  currency text,
  metadata jsonb not null,
  order_id uuid,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index cart_by_user on cart (user_id) where user_id is not null;
create unique index cart_by_order on cart (order_id) where order_id is not null;
create index cart_by_age on cart (updated_at);

-- Title and price are as they were when the item was set: what has changed since is told by comparing.
create table cart_item (
  cart_id uuid not null references cart (id) on delete cascade,
  sku text not null,
  quantity int not null check (quantity between 1 and 10000),
  title text not null,
  unit_price jsonb not null,
  added_at timestamptz not null default now(),
  primary key (cart_id, sku)
);
