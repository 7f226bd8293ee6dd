create table heard (
  message integer primary key,
  heard_at timestamptz not null default clock_timestamp()
);
