create table account (
  id uuid primary key,
  email text not null,
  -- The address as it is compared: normalised, in lower case.
  email_key text not null constraint account_email_key unique,
  name text not null,
  role text not null check (role in ('customer', 'support', 'merchandiser', 'operator', 'admin')),
  active boolean not null default true,
  -- Null until the user has set one (imports).
  password_hash text,
  external_id text constraint account_external_id unique,
  addresses jsonb not null default '[]',
  metadata jsonb not null default '{}',
  -- Access tokens issued before are void. `tokens_voided_at` says when that was decided; null for accounts where nothing was.
  tokens_valid_from timestamptz not null default date_trunc('milliseconds', now()),
  tokens_voided_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  erased_at timestamptz,
  version int not null default 1
);
create index account_staff on account (role, id) where role <> 'customer';
create index account_inactive on account (id) where not active and erased_at is null;
create index account_tokens_voided on account (tokens_voided_at) where tokens_voided_at is not null;

-- A sign-in, and the family of refresh tokens that came from it.
create table session (
  id uuid primary key,
  account_id uuid not null references account (id),
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz
);
create index session_of_account on session (account_id, id desc);
create index session_ended on session (ended_at) where ended_at is not null;
create index session_expiry on session (expires_at);

create table refresh_token (
  hash text primary key,
  session_id uuid not null references session (id) on delete cascade,
  expires_at timestamptz not null,
  -- When it was exchanged for its successor.
  used_at timestamptz
);
create index refresh_token_of_session on refresh_token (session_id);
create index refresh_token_expiry on refresh_token (expires_at);

create table password_reset (
  id uuid primary key,
  account_id uuid not null references account (id),
  token_hash text not null unique,
  requested_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index password_reset_of_account on password_reset (account_id, requested_at);
create index password_reset_expiry on password_reset (expires_at);

create table api_key (
  id uuid primary key,
  name text not null,
  role text not null check (role in ('customer', 'support', 'merchandiser', 'operator', 'admin')),
  hash text not null unique,
  -- The admin who made it; null when a machine did.
  created_by uuid references account (id),
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_key_of_account on api_key (created_by);
create index api_key_revoked on api_key (revoked_at) where revoked_at is not null;

-- Private keys, as the kit writes them (JSON with the JWK).
create table signing_key (
  kid text primary key,
  key text not null,
  active_from timestamptz not null
);

-- Keys from which tokens are derived, so that the tokens themselves are stored nowhere.
create table secret (
  name text primary key,
  value bytea not null
);
