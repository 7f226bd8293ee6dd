import type { EmbeddedPostgres } from '@stoa/platform/embedded';
import type { RunSagas, SagasRun } from '../hosts/run-sagas.ts';
import { startPostgres } from '../harness/postgres.ts';
import { ask, cpuMsOfFamily } from '../harness/processes.ts';
import type { Bench, Figure, Scenario } from '../harness/scenario.ts';

type Engine = 'stoa' | 'dbos';

interface Speed {
  readonly perSecond: number;
  readonly cpuMs: number;
  readonly postgresMs: number;
}

const connections = { stoa: [20], dbos: [20, 40] } as const;

export const saga: Scenario = {
  about: 'sagas of four local steps, each committed before the next starts, beside DBOS Transact on the same PostgreSQL',
  async run(bench) {
    const postgres = await startPostgres(bench);
    const figures: Figure[] = [];
    for (const atOnce of [64, 256]) {
      for (const writesRows of [false, true]) {
        const stoa = await fastest(bench, postgres, 'stoa', { atOnce, writesRows });
        const dbos = await fastest(bench, postgres, 'dbos', { atOnce, writesRows });
        const label = `${atOnce} at once, ${writesRows ? 'a row a step' : 'steps recorded only'}`;
        figures.push(
          { name: `${label}: Stoa`, value: stoa.perSecond, unit: 'sagas/s' },
          { name: `${label}: DBOS`, value: dbos.perSecond, unit: 'workflows/s' },
          { name: `${label}: ratio`, value: stoa.perSecond / dbos.perSecond, unit: '×', target: { atLeast: 5 } },
          { name: `${label}: processor time, Stoa`, value: stoa.cpuMs + stoa.postgresMs, unit: 'ms a saga, Node and PostgreSQL' },
          { name: `${label}: processor time, DBOS`, value: dbos.cpuMs + dbos.postgresMs, unit: 'ms a workflow' },
        );
      }
    }
    return {
      figures,
      notes: [
        'Both engines run in a process of their own, started by a closed loop in it, one after the other on one server, each run in a fresh database.',
        `DBOS is called directly (not through a queue), logs only errors, sends no telemetry; the faster of ${connections.dbos.join(' and ')} connections counts.`,
        'Stoa commits the steps of many sagas together; a saga’s own next step still starts only after the commit of its last one.',
      ],
    };
  },
};

async function fastest(
  bench: Bench,
  postgres: EmbeddedPostgres,
  engine: Engine,
  load: Pick<RunSagas, 'atOnce' | 'writesRows'>,
): Promise<Speed> {
  const speeds: Speed[] = [];
  for (const pool of connections[engine]) speeds.push(await measure(bench, postgres, engine, { ...load, connections: pool }));
  return speeds.reduce((best, speed) => (speed.perSecond > best.perSecond ? speed : best));
}

async function measure(
  bench: Bench,
  postgres: EmbeddedPostgres,
  engine: Engine,
  load: Pick<RunSagas, 'atOnce' | 'writesRows' | 'connections'>,
): Promise<Speed> {
  const name = `${engine}_${load.atOnce}_${load.connections}_${load.writesRows ? 'rows' : 'bare'}`;
  bench.say(`${engine}: ${load.atOnce} at once, ${load.writesRows ? 'a row a step' : 'recorded only'}, ${load.connections} connections`);
  const databaseUrl = await postgres.ensureDatabase(name);
  const sagas = (engine === 'stoa' ? 12_000 : 3_000) / (bench.quick ? 4 : 1);
  const postgresMs = cpuMsOfFamily(postgres.pid);
  const input = { ...load, databaseUrl, sagas, warmUp: sagas / 5 };
  const run = await ask<SagasRun>(bench, `hosts/${engine}-sagas.ts`, input);
  return {
    perSecond: sagas / run.seconds,
    cpuMs: run.cpuMs / sagas,
    postgresMs: (cpuMsOfFamily(postgres.pid) - postgresMs) / (sagas + input.warmUp),
  };
}
