-- Names of SKUs and locations sort by their bytes: one order of locking on every server, whatever its collations.
create table stock (
  sku text collate "C" not null,
  location_id text collate "C" not null,
  on_hand bigint not null check (on_hand >= 0),
  reserved bigint not null check (reserved >= 0),
  received bigint not null check (received >= 0),
  returned bigint not null check (returned >= 0),
  -- A sum of corrections, which may be negative.
  adjusted bigint not null,
  sold bigint not null check (sold >= 0),
  damaged bigint not null check (damaged >= 0),
  version bigint not null,
  primary key (sku, location_id),
  constraint stock_covers_reserved check (reserved <= on_hand),
  constraint stock_adds_up check (received + returned + adjusted - sold - damaged = on_hand)
) with (fillfactor = 70);

-- Only SKUs whose settings were changed have a row.
create table sku_setting (
  sku text collate "C" primary key,
  low_stock_threshold bigint not null check (low_stock_threshold >= 0),
  version bigint not null
);

create table reservation (
  order_id uuid not null,
  sku text collate "C" not null,
  location_id text collate "C" not null,
  quantity bigint not null check (quantity > 0),
  -- Units of these that were sold and have come back.
  returned bigint not null default 0 check (returned between 0 and quantity),
  state text not null check (state in ('held', 'sold', 'released')),
  at timestamptz not null default now(),
  primary key (order_id, sku, location_id)
) with (fillfactor = 80);
create index reservation_held on reservation (order_id) where state = 'held';

create table ledger (
  seq bigint generated always as identity primary key,
  id uuid not null,
  sku text collate "C" not null,
  location_id text collate "C" not null,
  kind text not null check (kind in ('received', 'adjusted', 'damaged', 'returned', 'sold')),
  quantity bigint not null check (quantity <> 0),
  reason text,
  actor text not null,
  order_id uuid,
  at timestamptz not null
);
create index ledger_sku on ledger (sku, seq);

-- Restocks that were carried out: each once, for ever.
create table restock (
  restock_id uuid primary key,
  order_id uuid not null,
  at timestamptz not null default now()
);
