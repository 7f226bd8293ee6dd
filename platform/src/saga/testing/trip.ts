// A saga over two small services, for the tests of the engine: it books a room and a seat, decides, and sends the tickets.

import pino from 'pino';
import { refusal } from '../../errors/index.ts';
import { newId } from '../../ids/index.ts';
import { command, contract, type Outcome, strict, Type } from '../../schema/index.ts';
import {
  commandHandler,
  defineService,
  type HostedService,
  type Running,
  run,
  type Service,
  type ServiceDefinition,
} from '../../service/index.ts';
import type { Database, Tx } from '../../sql/index.ts';
import { type TestDatabase, testDatabase } from '../../testing/index.ts';
import { commandStep, localStep, type SagaView, saga } from '../index.ts';

const payload = strict({ trip: Type.String() });
const reply = Type.Object({ number: Type.Optional(Type.Integer()) });
const commands = {
  room: command('agency', 'room.book.v1', payload, reply),
  seat: command('agency', 'seat.book.v1', payload, reply),
  tickets: command('agency', 'tickets.send.v1', payload, reply),
};
export type AgencyStep = keyof typeof commands;
export type TravelStep = 'open' | 'decide' | 'close';
type Trip = SagaView<{ note: string }, { opened: boolean }>;

/** How the steps behave: what is not set goes well. Throwing is a fault, `later` an answer that the test gives. */
export interface Behaviour {
  readonly agency: Map<string, (mode: 'do' | 'undo') => Outcome<{ number?: number }> | 'later'>;
  /** By step and trip: `decide 7`. */
  readonly travel: Map<string, () => void>;
}

export interface Trips {
  readonly behaviour: Behaviour;
  readonly travel: HostedService;
  readonly agency: HostedService;
  readonly db: Database;
  readonly agencyDb: Database;
  begin(key: string, saga?: string): Promise<void>;
  /** What happened at either service for a trip, in order. */
  notes(key: string): Promise<string[]>;
  row(key: string): Promise<TripRow>;
  /** Another process on the same databases. */
  another(): Promise<Running>;
  close(): Promise<void>;
}

export interface TripRow {
  readonly id: string;
  readonly status: string;
  readonly step: string;
  readonly attempt: number;
  readonly failure: { code: string; detail: string } | null;
  readonly stuck: { reason: string; from: string } | null;
  readonly outputs: Record<string, unknown>;
}

const note = (tx: Tx, key: string, what: string) =>
  tx.query('insert into note (key, what) values ($1, $2)', [key, what]);

export async function openTrips(name: string): Promise<Trips> {
  const behaviour: Behaviour = { agency: new Map(), travel: new Map() };
  const databases: Record<string, TestDatabase> = {
    travel: await testDatabase(`${name} travel`),
    agency: await testDatabase(`${name} agency`),
  };
  const definitions = [travelService(behaviour), agencyService(behaviour)];
  const open = () =>
    run(definitions, {
      environment: {},
      log: pino({ level: 'silent' }),
      version: 'test',
      databaseUrl: async (service) => (databases[service] as TestDatabase).url,
      connectionsMax: 16,
    });
  const running = [await open()];
  const travel = running[0]?.services.get('travel') as HostedService;
  const agency = running[0]?.services.get('agency') as HostedService;
  const { db } = travel.service;
  return {
    behaviour,
    travel,
    agency,
    db,
    agencyDb: agency.service.db,
    begin: (key, saga = 'trip') =>
      db.transaction(async (tx) =>
        travel.service.sagas.start(tx, saga, { key, input: { note: 'hello' }, cause: { correlationId: 'test' } }),
      ),
    async notes(key) {
      const own = await db.query<{ what: string; at: number }>('select what, at from note where key = $1', [key]);
      const theirs = await agency.service.db.query<{ what: string; at: number }>(
        'select what, at from note where key = $1',
        [key],
      );
      return [...own, ...theirs].sort((a, b) => a.at - b.at).map(({ what }) => what);
    },
    async row(key) {
      const [row] = await db.query<TripRow>(
        'select id, status, step, attempt, failure, stuck, outputs from kit.saga where key = $1',
        [key],
      );
      if (!row) throw new Error(`there is no trip ${key}`);
      return row;
    },
    async another() {
      const another = await open();
      running.push(another);
      return another;
    },
    async close() {
      await Promise.all(running.map((one) => one.stop()));
      await Promise.all(Object.values(databases).map((database) => database.drop()));
    },
  };
}

const migrations = new URL('../fixtures/migrations/', import.meta.url);

function agencyService(behaviour: Behaviour): ServiceDefinition<never> {
  const handlers = (Object.keys(commands) as AgencyStep[]).map((step) => {
    const act = async (received: readonly { payload: { trip: string } }[], mode: 'do' | 'undo', tx: Tx) => {
      const outcomes: (Outcome<{ number?: number }> | 'later')[] = [];
      for (const { payload: asked } of received) {
        const { trip } = asked;
        const act = behaviour.agency.get(`${step} ${trip}`);
        const outcome = act ? act(mode) : ({ kind: 'done', output: mode === 'do' ? { number: 7 } : {} } as const);
        if (outcome === 'later' || outcome.kind !== 'refused') await note(tx, trip, `${mode} ${step}`);
        outcomes.push(outcome);
      }
      return outcomes;
    };
    return commandHandler<(typeof commands)[AgencyStep], never>(commands[step], {
      later: true,
      doMany: (received, tx) => act(received, 'do', tx),
      undoMany: (received, tx) => act(received, 'undo', tx),
    });
  });
  return defineService<never>({
    name: 'agency',
    contract: contract({ service: 'agency', operations: {}, events: {}, commands, errors: {} }),
    migrations,
    commands: handlers,
  });
}

function travelService(behaviour: Behaviour): ServiceDefinition<never> {
  const local = (name: TravelStep) =>
    localStep({
      name,
      async do({ key }: Trip, tx: Tx) {
        behaviour.travel.get(`${name} ${key}`)?.();
        await note(tx, key, `do ${name}`);
      },
      async undo({ key }: Trip, tx: Tx) {
        behaviour.travel.get(`undo ${name} ${key}`)?.();
        await note(tx, key, `undo ${name}`);
      },
    });
  const remote = (name: AgencyStep, undoable: boolean, timeoutMs: number) =>
    commandStep({
      name,
      command: commands[name],
      payload: ({ key }: Trip) => ({ trip: key }),
      undoable,
      timeoutMs,
      timeoutFailure: { code: 'trip.too-slow', detail: `${name} took too long.` },
    });
  const ends = (timeoutMs: number) => ({
    timeoutMs,
    load: async (keys: readonly string[]) => new Map(keys.map((key) => [key, { opened: true }])),
    failed: (trip: Trip, tx: Tx, _service: Service<never>) => void note(tx, trip.key, `failed ${trip.failure?.code}`),
    completed: (trip: Trip, tx: Tx) => void note(tx, trip.key, 'completed'),
  });
  const trip = (name: string, { stepMs, totalMs }: { stepMs: number; totalMs: number }) =>
    saga<{ note: string }, { opened: boolean }, never>(name)
      .step(local('open'))
      .step(remote('room', true, stepMs))
      .step(remote('seat', true, stepMs))
      .step(local('decide'))
      .pivot()
      .step(remote('tickets', false, stepMs))
      .step(local('close'))
      .build(ends(totalMs));
  return defineService<never>({
    name: 'travel',
    contract: contract({ service: 'travel', operations: {}, events: {}, commands: {}, errors: {} }),
    migrations,
    sagas: [
      trip('trip', { stepMs: 30_000, totalMs: 60_000 }),
      trip('hasty trip', { stepMs: 300, totalMs: 60_000 }),
      trip('short trip', { stepMs: 30_000, totalMs: 700 }),
    ],
  });
}

/** A step's refusal, as a local step throws it. */
export const noWay = (): Error => refusal('trip.no-way', 'There is no way.');
export const refused: Outcome<never> = { kind: 'refused', code: 'trip.full', detail: 'It is full.' };
export const newKey = (): string => newId();
