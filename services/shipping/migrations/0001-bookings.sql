-- What is to be sent for each order. One booking an order.
create table booking (
  order_id uuid primary key,
  contact_id uuid not null,
  method text not null,
  lines jsonb not null,
  status text not null default 'booked' check (status in ('booked', 'cancelled')),
  booked_at timestamptz not null default now()
);
