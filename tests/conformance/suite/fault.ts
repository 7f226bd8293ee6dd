import type { Database } from '@stoa/platform/sql';
import type { Place } from '../placements.ts';

/** A place in analytics where messages can be made to fail from outside: its database refuses to log what is planted. */
export interface Fault {
  /** Refuses the events of one type that are about this SKU or user: so many times, or until it is mended. */
  plant(type: string, about: string, times?: number): Promise<void>;
  mend(): Promise<void>;
}

const prepare = `
create table if not exists planted (type text not null, about text not null, times int not null);
create sequence if not exists planted_tries;
create or replace function refuse_planted() returns trigger language plpgsql as $$
begin
  if exists (
    select from planted p where p.type = new.type and new.payload::text like '%"' || p.about || '"%'
      and nextval('planted_tries') <= p.times
  ) then raise exception 'planted'; end if;
  return new;
end $$;
create or replace trigger refuse_planted before insert on heard for each row execute function refuse_planted()`;

/** Sequences do not roll back: that is how tries are counted by a database that undoes each of them. */
export async function openFault(place: Place): Promise<Fault> {
  const database: Database = await place.database('analytics');
  for (const statement of statementsOf(prepare)) await database.query(statement);
  return {
    async plant(type, about, times = 1_000_000) {
      await database.query(`select setval('planted_tries', 1, false)`);
      await database.query('insert into planted values ($1, $2, $3)', [type, about, times]);
    },
    async mend() {
      await database.query('delete from planted');
    },
  };
}

function statementsOf(text: string): string[] {
  return text.split(/;\n(?=create)/);
}

/**
 * Spares everybody the minute and a half that ten tries take: what has failed once at analytics is due again now, for the last time.
 */
export async function hurryToTheEnd(place: Place): Promise<void> {
  const database = await place.database('analytics');
  await database.query(
    `update kit.inbox set attempts = 9, due_at = clock_timestamp() where status = 'waiting' and attempts between 1 and 8`,
  );
}
