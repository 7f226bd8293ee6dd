#!/bin/sh
# Writes .env from .env.example, readable by its owner only, with a secret made up for every empty password and secret. What .env has already is kept;
# run again after an update, it adds what is new.
set -eu
cd "$(dirname "$0")"
umask 077
[ -e .env ] || : > .env

secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

while IFS= read -r line; do
  name="${line%%=*}"
  case "$line" in
    '' | '#'*) continue ;;
  esac
  grep -q "^$name=" .env && continue
  case "$line" in
    *_PASSWORD= | *_SECRET=) line="$line$(secret)" ;;
  esac
  printf '%s\n' "$line" >> .env
done < .env.example
chmod 600 .env
echo "$(pwd)/.env is complete"
