/** Marks arrivals whose key has no open row; what it does not return is held back by its key, or has been here before. */
export const markArrivals = `
insert into kit.mark (id)
select a.id from unnest($1::uuid[], $2::text[]) as a(id, key)
where not exists (select from kit.inbox i where i.key = a.key)
on conflict (id) do nothing
returning id`;

/** Keeps messages for later, unless they have taken effect or are kept already. */
export const keepMessages = `
insert into kit.inbox (id, type, key, body, status, attempts, due_at, reason)
select r.id, r.type, r.key, r.body, r.status, r.attempts, clock_timestamp() + r."delayMs" * interval '1 millisecond', r.reason
from json_to_recordset($1::json)
  as r(id uuid, type text, key text, body jsonb, status text, attempts int, "delayMs" int, reason text)
where not exists (select from kit.mark m where m.id = r.id)
on conflict (id) do nothing`;

/** Whether row `lower`, which lies before `i` of the same key, asked for the step that `i` takes back. */
const asksFor = (lower: string, i: string) => `(
  ${i}.body #>> '{step,mode}' = 'undo' and ${lower}.body #>> '{step,mode}' = 'do'
  and ${lower}.body #>> '{step,saga}' = ${i}.body #>> '{step,saga}' and ${lower}.body #>> '{step,step}' = ${i}.body #>> '{step,step}'
)`;

/**
 * Whether row `i` waits for a lower one of its key. The undo of a step does not wait for the `do` once that is dead: the saga would keep what it has for as long as
 * nobody looks after the dead one. `offset 0` keeps it a look along the index for each row: joined by their keys, all rows behind one dead message are held
 * against each other.
 */
const heldBack = `
exists (
  select from kit.inbox lower where lower.key = i.key and lower.seq < i.seq and (
    ${asksFor('lower', 'i')} and exists (
      select from kit.inbox dead where dead.key = i.key and dead.seq <= lower.seq and dead.status = 'dead' and ${asksFor('dead', 'i')}
    )
  ) is not true
  offset 0
)`;

/**
 * Takes due messages out and marks them, only a key's lowest open row each, or the undo of a dead step. `duplicate` ones have taken effect before;
 * `passed` are the dead commands that an undo makes pointless: they are given up with it.
 * $1: how many; $2: only this id, or null; $3: types that are left to newer programs.
 */
export const claimDue = `
with due as (
  select i.seq, i.id, i.type, i.key, i.body, i.attempts from kit.inbox i
  where i.status = 'waiting' and i.due_at <= clock_timestamp() and ($2::uuid is null or i.id = $2)
    and i.type <> all($3::text[])
    and not ${heldBack}
  order by i.due_at, i.seq
  limit $1
  for update of i skip locked
), taken as (
  delete from kit.inbox i using due where i.seq = due.seq
), passed as (
  delete from kit.inbox dead using due
  where dead.key = due.key and dead.seq < due.seq and dead.status = 'dead' and ${asksFor('dead', 'due')}
  returning dead.id, dead.type, dead.reason, due.id as by
), given_up as (
  insert into kit.mark (id) select id from passed on conflict (id) do nothing
), marked as (
  insert into kit.mark (id) select id from due on conflict (id) do nothing returning id
)
select due.id, due.type, due.key, due.body, due.attempts, marked.id is null as duplicate,
  (select json_agg(json_build_object('id', passed.id, 'type', passed.type, 'reason', passed.reason)) from passed where passed.by = due.id) as passed
from due left join marked on marked.id = due.id
order by due.seq`;

/** Counts a failed try: $1 id, $2 attempts, $3 delay in ms, $4 status, $5 reason. */
export const recordFailure = `
update kit.inbox set attempts = $2, due_at = clock_timestamp() + $3 * interval '1 millisecond', status = $4, reason = $5,
  changed_at = clock_timestamp()
where id = $1 and status = 'waiting'`;

/** Messages parked by an older program go on: $1 the types known here. */
export const unpark = `
update kit.inbox set status = 'waiting' where status = 'parked' and type = any($1)`;

/** Milliseconds until the first waiting row that nothing holds back is due; no row when there is none. $1: types that are left to newer programs. */
export const nextDue = `
select greatest(0, extract(epoch from min(i.due_at) - clock_timestamp()) * 1000)::float8 as "inMs"
from kit.inbox i
where i.status = 'waiting' and i.type <> all($1::text[])
  and not ${heldBack}
having min(i.due_at) is not null`;
