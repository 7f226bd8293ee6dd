import type { Operation } from '@stoa/platform/schema';
import type { AnswerOf, Call, Handler, Service } from '@stoa/platform/service';
import { Database, migrate, readMigrations } from '@stoa/platform/sql';
import { testDatabase } from '@stoa/platform/testing';
import { fakeClock } from '@stoa/platform/time';
import pino from 'pino';

/** The service on a database of its own, without a server around it: handlers and reactions are called directly. */
export interface TestService {
  readonly service: Service;
  readonly db: Database;
  /** Asks a query handler; nothing of a request but its query matters to them. */
  ask<O extends Operation>(handler: Handler<O>, query: Call<O>['query']): Promise<AnswerOf<O>>;
  close(): Promise<void>;
}

export async function startTestService(): Promise<TestService> {
  const database = await testDatabase('analytics');
  const db = new Database({ url: database.url, name: 'analytics' });
  await migrate(db, 'service', await readMigrations(new URL('../../migrations/', import.meta.url)));
  const clock = fakeClock('2011-01-01T00:00:00.000Z');
  const service = {
    name: 'analytics',
    db,
    clock,
    log: pino({ level: 'silent' }),
    deps: undefined,
  } as unknown as Service;
  return {
    service,
    db,
    ask: (handler, query) => handler({ query } as never, service),
    close: async () => {
      await db.close();
      await database.drop();
    },
  };
}
