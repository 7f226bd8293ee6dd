-- One row a mail: whom and what it is about, and what became of it. Never its text, and of the address only a masked form.
create table mail (
  id uuid primary key,
  template text not null,
  -- The order or password reset, and what of it when there may be several: the shipment or refund. At most one mail for each.
  subject_id uuid not null,
  occasion text not null,
  user_id uuid,
  -- The order service's name for whom it went to.
  contact_id uuid,
  order_id uuid,
  outcome text not null check (outcome in ('pending', 'sent', 'failed', 'suppressed')),
  reason text,
  recipient text,
  erased boolean not null default false,
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  unique (subject_id, template, occasion)
);
create index mail_by_user on mail (user_id, id desc) where user_id is not null;
create index mail_by_contact on mail (contact_id) where contact_id is not null;

-- What somebody has said; whoever has no row wants what everybody wants.
create table preference (
  user_id uuid primary key,
  order_updates boolean not null default true,
  marketing boolean not null default false,
  version int not null default 1
);
