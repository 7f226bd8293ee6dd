import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { newId } from '../../../ids/index.ts';
import { Inbox } from '../../../inbox/index.ts';
import { Outbox, Relay } from '../../../outbox/index.ts';
import { event, type Message, strict, Type } from '../../../schema/index.ts';
import { Database, migrate, readMigrations, type Tx } from '../../../sql/index.ts';
import { type Line, openDatabaseLine, testDatabase } from '../../../testing/index.ts';
import { systemClock } from '../../../time/index.ts';
import type { Broker, BrokerMailbox } from '../../definition.ts';

/** Numbered per key, so that order shows. */
export const told = event('thing.told.v1', strict({ n: Type.Integer() }));
export const log = pino({ level: process.env.STOA_LOG_LEVEL ?? 'silent' });
const kitMigrations = new URL('../../../../migrations/', import.meta.url);

export function message(key: string, n: number): Message<{ n: number }> {
  return {
    id: newId(),
    type: told.type,
    key,
    payload: { n },
    occurredAt: new Date().toISOString(),
    cause: { correlationId: 'test' },
  };
}

/** The service that tells: what it commits goes through its outbox to the subscribers. */
export interface Teller {
  readonly db: Database;
  /** A process of it. */
  open(broker: Broker, subscribers: readonly string[]): TellerProcess;
  /** Rows of the outbox that are not known to be safe at their subscriber. */
  unconfirmed(): Promise<number>;
  close(): Promise<void>;
}

export interface TellerProcess {
  publish(key: string, numbers: readonly number[]): Promise<void>;
  stop(): Promise<void>;
}

export async function openTeller(): Promise<Teller> {
  const server = await testDatabase('rabbit_teller');
  const db = new Database({ url: server.url, name: 'teller' });
  await migrate(db, 'kit', await readMigrations(kitMigrations));
  return {
    db,
    open(broker, subscribers) {
      const relay = new Relay({ db, transport: broker, log });
      const outbox = new Outbox({
        clock: systemClock,
        subscribersOf: () => subscribers,
        onCommitted: (rows) => relay.offer(rows),
      });
      relay.start();
      return {
        publish: (key, numbers) =>
          db.transaction(async (tx) => {
            for (const n of numbers)
              outbox.publish(tx, told, { key, payload: { n }, cause: { correlationId: 'test' } });
          }),
        stop: () => relay.stop(),
      };
    },
    async unconfirmed() {
      return (await db.query<{ n: number }>('select count(*) as n from kit.outbox', []))[0]?.n ?? 0;
    },
    async close() {
      await db.close();
      await server.drop();
    },
  };
}

/** The service that hears: an effect a message, in the order in which they were carried out. */
export interface Hearer {
  /** Not through the line, so that a test can look while it is cut. */
  readonly db: Database;
  /** The way of its processes to their database. */
  readonly line: Line;
  /** Called in the transaction of each batch. */
  onHandle: (messages: readonly Message[]) => Promise<void>;
  /** A process of it: its inbox, with the deliveries counted. */
  open(): Promise<HearerProcess>;
  effects(): Promise<{ key: string; n: number }[]>;
  count(): Promise<number>;
  /** Fails unless the numbers of each key, as many as told from 0 on, took effect once each, in order. */
  checkEffects(counts: Readonly<Record<string, number>>): Promise<void>;
  close(): Promise<void>;
}

export interface HearerProcess extends BrokerMailbox {
  readonly inbox: Inbox;
  /** Messages that came out of the queue. */
  readonly delivered: number;
  stop(): Promise<void>;
}

export async function openHearer(): Promise<Hearer> {
  const server = await testDatabase('rabbit_hearer');
  const { line, url } = await openDatabaseLine(server.url);
  const db = new Database({ url: server.url, name: 'looking on' });
  await migrate(db, 'kit', await readMigrations(kitMigrations));
  await db.query('create table effect (seq bigint generated always as identity, id uuid, key text, n int)');

  const hearer: Hearer = {
    db,
    line,
    onHandle: async () => undefined,
    async open() {
      const own = new Database({ url, name: 'hearer' });
      const handle = async (messages: readonly Message[], tx: Tx) => {
        await hearer.onHandle(messages);
        await tx.query('insert into effect (id, key, n) select * from unnest($1::uuid[], $2::text[], $3::int[])', [
          messages.map(({ id }) => id),
          messages.map(({ key }) => key),
          messages.map(({ payload }) => (payload as { n: number }).n),
        ]);
      };
      const inbox = new Inbox({ db: own, log, knows: (type) => type === told.type, handle });
      await inbox.start();
      let delivered = 0;
      return {
        inbox,
        get delivered() {
          return delivered;
        },
        accept(messages) {
          delivered += messages.length;
          return inbox.accept(messages);
        },
        bury: (undecodable) => inbox.bury(undecodable),
        reach: () => inbox.reach(),
        async stop() {
          await inbox.stop();
          await own.close();
        },
      };
    },
    effects: () => db.query<{ key: string; n: number }>('select key, n from effect order by seq', []),
    async count() {
      return (await db.query<{ n: number }>('select count(*) as n from effect', []))[0]?.n ?? 0;
    },
    async checkEffects(counts) {
      const byKey = Map.groupBy(await hearer.effects(), ({ key }) => key);
      for (const [key, count] of Object.entries(counts)) {
        const numbers = (byKey.get(key) ?? []).map(({ n }) => n);
        const expected = Array.from({ length: count }, (_, n) => n);
        assert.deepEqual(numbers, expected, `numbers of ${key}`);
      }
    },
    async close() {
      await db.close();
      await line.close();
      await server.drop();
    },
  };
  return hearer;
}

/** The test server is reached by a unix socket where that can be. */
/** Waits, for a minute at most, because the machine may be busy. */
export async function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (const endMs = performance.now() + 60_000; !(await holds()); await sleep(20)) {
    assert.ok(performance.now() < endMs, `it did not come to pass within a minute that ${what}`);
  }
}
