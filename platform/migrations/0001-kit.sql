-- The kit's own tables, in every service's database.

-- Messages that have been committed and not yet handed over: one row for each subscriber, so that a dead one pins nobody else's.
-- Bodies are json, not jsonb, wherever the database only keeps them: nothing is gained by taking them apart.
create table kit.outbox (
  seq bigint generated always as identity,
  id uuid not null,
  subscriber text not null,
  type text not null,
  key text not null,
  body json not null,
  created_at timestamptz not null default now(),
  primary key (subscriber, seq)
);

-- Messages that have arrived and could not be handled at once: waiting, to be retried, dead or parked. Most never enter.
create table kit.inbox (
  seq bigint generated always as identity primary key,
  id uuid not null unique,
  type text not null,
  key text not null,
  body jsonb not null,
  status text not null default 'waiting' check (status in ('waiting', 'dead', 'parked')),
  attempts int not null default 0,
  due_at timestamptz not null default now(),
  reason text,
  arrived_at timestamptz not null default now(),
  changed_at timestamptz not null default now()
);
create index inbox_by_key on kit.inbox (key, seq);
create index inbox_due on kit.inbox (due_at, seq) where status = 'waiting';
create index inbox_dead on kit.inbox (status, seq) where status <> 'waiting';

-- Every message that took effect. Ids are UUIDv7 and sort by time, so a day is a range of them; kept 30 days.
create table kit.mark (
  id uuid primary key
) partition by range (id);
create table kit.mark_default partition of kit.mark default;

-- What became of each saga step that this service was asked to do: its idempotency record and, once undone, its tombstone.
create table kit.step (
  saga uuid not null,
  step text not null,
  state text not null check (state in ('doing', 'done', 'refused', 'undoing', 'undone')),
  outcome jsonb,
  changed_at timestamptz not null default now(),
  primary key (saga, step)
);
create index step_by_age on kit.step (changed_at);

create table kit.saga (
  id uuid primary key,
  definition text not null,
  key text not null,
  status text not null check (status in ('running', 'compensating', 'completed', 'compensated', 'stuck')),
  -- The step it waits for; while compensating, the step being undone.
  step text not null,
  attempt int not null default 1,
  input json not null,
  outputs json not null,
  -- Why it compensates: { code, detail }.
  failure json,
  -- Why it needs a person, and what it was doing: { reason, from }.
  stuck json,
  -- What happened, for people: [step, what, milliseconds since the epoch].
  history json not null,
  cause json not null,
  started_at timestamptz not null default now(),
  -- When somebody has to look although no reply has come.
  wake_at timestamptz,
  ends_by timestamptz not null,
  updated_at timestamptz not null default now(),
  unique (definition, key)
) with (fillfactor = 50);
-- No index on wake_at: it changes at every step, and without one a step is an update in place (HOT). Due sagas are found among the live.
create index saga_live on kit.saga (status, id) where status in ('running', 'compensating', 'stuck');

-- Effects outside that have been asked for and not yet ended.
create table kit.effect (
  id text not null,
  effect text not null,
  payload json not null,
  cause json not null,
  status text not null default 'waiting' check (status in ('waiting', 'dead')),
  -- Raised by each taker: a result may only be committed under the epoch it was taken with.
  epoch int not null default 0,
  attempts int not null default 0,
  due_at timestamptz not null default now(),
  reason text,
  created_at timestamptz not null default now(),
  primary key (effect, id)
);
create index effect_due on kit.effect (effect, due_at) where status = 'waiting';

-- First answers, by caller and key.
create table kit.idempotency (
  scope text primary key,
  fingerprint text not null,
  -- What the effect made, so that an answer can be worked out again after a crash.
  resource text,
  status int,
  headers jsonb,
  body text,
  holder uuid,
  held_until timestamptz,
  created_at timestamptz not null default now()
);
create index idempotency_by_resource on kit.idempotency (resource) where body is not null;
create index idempotency_by_age on kit.idempotency (created_at);

create table kit.event (
  stream uuid not null,
  version int not null,
  id uuid not null unique,
  type text not null,
  data jsonb not null,
  actor text not null,
  at timestamptz not null,
  recorded_at timestamptz not null default now(),
  primary key (stream, version)
);

-- Work that one process at a time may do.
create table kit.lease (
  name text primary key,
  holder uuid not null,
  held_until timestamptz not null
);
