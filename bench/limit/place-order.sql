-- One order in one statement and so in one commit: the stock row is locked and lessened only while there is some, the key is taken only once.
\set sku random(1, 200)
\set price random(500, 9500)
with
  taken as (
    update stock set available = available - 1, sold = sold + 1 where sku = :sku::integer and available >= 1 returning sku
  ),
  placed as (
    insert into orders (id, status, total) select gen_random_uuid(), 'confirmed', :price::bigint from taken returning id, total
  ),
  keyed as (
    insert into idempotency (key, order_id) select gen_random_uuid()::text, id from placed
  ),
  told as (
    insert into order_event (order_id, version, type, body)
    select id, version, type, jsonb_build_object('sku', :sku::integer, 'quantity', 1, 'unitPrice', :price::bigint, 'currency', 'EUR')
    from placed, (values (1, 'placed'), (2, 'confirmed')) as event (version, type)
  ),
  moved as (
    insert into stock_ledger (sku, order_id, quantity) select :sku::integer, id, -1 from placed
  ),
  paid as (
    insert into payment (order_id, amount, captured) select id, total, total from placed
  )
insert into payment_ledger (order_id, account, amount)
select id, account, sign * total from placed, (values ('provider', 1), ('revenue', -1)) as entry (account, sign);
