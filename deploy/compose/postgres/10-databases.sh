#!/bin/sh
# A database for every service that keeps something, and a role that may connect to no other. The server runs this when its data directory is new;
# run by hand later, it adds what is missing and sets the passwords again:
#   docker compose exec postgres sh /docker-entrypoint-initdb.d/10-databases.sh
set -eu

for service in user product order payment inventory shipping notification analytics; do
  variable="$(printf '%s' "$service" | tr '[:lower:]' '[:upper:]')_DATABASE_PASSWORD"
  SERVICE_PASSWORD="$(printenv "$variable")" || { echo "$variable is not set" >&2; exit 1; }
  export SERVICE_PASSWORD
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres --set=service="$service" <<'SQL'
\getenv password SERVICE_PASSWORD
select format('create role %I login', :'service') where not exists (select from pg_roles where rolname = :'service') \gexec
alter role :"service" password :'password';
select format('create database %I owner %I', :'service', :'service')
where not exists (select from pg_database where datname = :'service') \gexec
revoke all on database :"service" from public;
revoke all on database postgres from public;
revoke all on database template1 from public;
SQL
  echo "database and role $service"
done
