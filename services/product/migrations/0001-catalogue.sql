create table category (
  id uuid primary key,
  slug text not null constraint category_slug_taken unique,
  title text not null,
  parent_id uuid constraint category_has_children references category (id),
  position int not null,
  version int not null
);
create index category_parent on category (parent_id);

create table product (
  id uuid primary key,
  slug text not null constraint product_slug_taken unique,
  title text not null,
  -- What the list is sorted by: no case, no accents, the same order on every server whatever its collations.
  title_key text collate "C" not null,
  description text not null,
  status text not null check (status in ('draft', 'active', 'archived')),
  -- A category's slug never changes, so that no join is needed to answer with it.
  category text constraint product_category_in_use references category (slug),
  tags text[] not null,
  images jsonb not null,
  metadata jsonb not null,
  -- SKUs, tags and attribute values, found by search as they are written.
  keywords text not null,
  -- Stems find whole words in any form; the words as they are written find those half typed (`organi` is no beginning of the stem `organ`).
  search tsvector not null generated always as (
    setweight(to_tsvector('english', title), 'A')
    || setweight(to_tsvector('simple', title), 'A')
    || setweight(to_tsvector('english', keywords), 'B')
    || setweight(to_tsvector('simple', keywords), 'B')
    || setweight(to_tsvector('english', description), 'C')
  ) stored,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  version int not null
);
create index product_title on product (title_key, id);
create index product_category on product (category, id);
create index product_tags on product using gin (tags);
create index product_search on product using gin (search);

create table variant (
  id uuid primary key,
  sku text not null constraint product_sku_taken unique check (sku = upper(sku)),
  product_id uuid not null references product (id),
  position int not null,
  -- No longer sold; the row stays, because orders and stock name its SKU.
  removed boolean not null,
  title text not null,
  price_amount bigint not null check (price_amount >= 0),
  price_currency text not null,
  prices jsonb not null,
  attributes jsonb not null,
  metadata jsonb not null
);
create index variant_product on variant (product_id, position);

-- A product's lowest price in each of its currencies: what lists filter and sort by.
create table product_price (
  product_id uuid not null references product (id),
  currency text not null,
  amount bigint not null,
  -- The currency of its first variant, in which it is compared when no currency is asked for.
  main boolean not null,
  primary key (product_id, currency)
);
create index product_price_currency on product_price (currency, amount, product_id);
create index product_price_main on product_price (amount, product_id) where main;
