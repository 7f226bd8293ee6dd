-- Accounts that were erased. Their ids are no one's any more and stay, so that nothing personal is kept under them again.
create table erased_user (
  user_id uuid primary key,
  erased_at timestamptz not null default clock_timestamp()
);
insert into erased_user (user_id, erased_at)
  select user_id, max(erased_at) from contact where user_id is not null and erased_at is not null group by user_id;

-- An order may be written by a process that has not heard of the erasure yet. The lock lets the two cross in no way: the erasure, which takes it
-- alone (store/contacts.ts), either sees the contact or is seen by it. Each statement of the function sees what was committed before it began.
create function refuse_contact_of_erased_user() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(hashtext('erased user'), hashtext(new.user_id::text));
  if exists (select from erased_user where user_id = new.user_id) then
    raise exception 'the user % has been erased', new.user_id
      using errcode = 'check_violation', constraint = 'contact_of_erased_user';
  end if;
  return new;
end $$;
create trigger refuse_contact_of_erased_user before insert on contact
  for each row when (new.user_id is not null) execute function refuse_contact_of_erased_user();
