import type { EmbeddedPostgres } from '@stoa/platform/embedded';
import { startPostgres } from '../harness/postgres.ts';
import { ask, cpuMsOfFamily } from '../harness/processes.ts';
import type { Bench, Figure, Scenario } from '../harness/scenario.ts';
import type { RunSagas, SagasRun } from '../hosts/run-sagas.ts';

type Engine = 'stoa' | 'dbos';

interface Speed {
  readonly perSecond: number;
  readonly cpuMs: number;
}

const atOnce = 64;
const connectionsTried = { stoa: [20], dbos: [20, 40] } as const;

export const saga: Scenario = {
  about:
    'sagas of four local steps, each committed before the next starts, beside DBOS Transact on the same PostgreSQL',
  async run(bench) {
    const postgres = await startPostgres(bench);
    const figures: Figure[] = [];
    for (const writesRows of [false, true]) {
      const { stoa, dbos } = await race(bench, postgres, writesRows);
      const label = writesRows ? 'a row a step' : 'steps recorded only';
      figures.push(
        { name: `${label}: Stoa`, value: stoa.perSecond, unit: 'sagas/s' },
        { name: `${label}: DBOS`, value: dbos.perSecond, unit: 'workflows/s' },
        {
          name: `${label}: Stoa to DBOS`,
          value: stoa.perSecond / dbos.perSecond,
          unit: 'to 1',
          target: { atLeast: 5 },
        },
        { name: `${label}: processor time, Stoa`, value: stoa.cpuMs, unit: 'ms a saga' },
        { name: `${label}: processor time, DBOS`, value: dbos.cpuMs, unit: 'ms a workflow' },
      );
    }
    return {
      figures,
      notes: [
        `${atOnce} at once, started by a closed loop in the engine’s own process; engines take turns on one server, each run in a fresh database; the best run of each counts.`,
        `DBOS is called directly (not through a queue), logs only errors, sends no telemetry; tried with ${connectionsTried.dbos.join(' and ')} connections.`,
        'Stoa commits steps of many sagas together; a saga’s next step still starts only after the commit of its last one. Processor time is Node’s and PostgreSQL’s.',
      ],
    };
  },
};

/** The engines take turns, so that whatever else the machine does meets both. */
async function race(bench: Bench, postgres: EmbeddedPostgres, writesRows: boolean): Promise<Record<Engine, Speed>> {
  const best: Partial<Record<Engine, Speed>> = {};
  for (let round = 1; round <= (bench.quick ? 1 : 3); round++) {
    for (const engine of ['stoa', 'dbos'] as const) {
      for (const connections of connectionsTried[engine]) {
        const speed = await measure(bench, postgres, engine, round, { writesRows, connections, atOnce });
        if (speed.perSecond > (best[engine]?.perSecond ?? 0)) best[engine] = speed;
      }
    }
  }
  return best as Record<Engine, Speed>;
}

async function measure(
  bench: Bench,
  postgres: EmbeddedPostgres,
  engine: Engine,
  round: number,
  load: Pick<RunSagas, 'atOnce' | 'writesRows' | 'connections'>,
): Promise<Speed> {
  const name = `${engine}_${load.connections}_${load.writesRows ? 'rows' : 'bare'}_${round}`;
  const databaseUrl = await postgres.ensureDatabase(name);
  const sagas = (engine === 'stoa' ? 12_000 : 3_000) / (bench.quick ? 4 : 1);
  const postgresMs = cpuMsOfFamily(postgres.pid);
  const input = { ...load, databaseUrl, sagas, warmUp: sagas / 5 };
  const run = await ask<SagasRun>(bench, `hosts/${engine}-sagas.ts`, input);
  const ofPostgresMs = (cpuMsOfFamily(postgres.pid) - postgresMs) / (sagas + input.warmUp);
  const speed = { perSecond: sagas / run.seconds, cpuMs: run.cpuMs / sagas + ofPostgresMs };
  bench.say(`${name}: ${speed.perSecond.toFixed(0)}/s`);
  return speed;
}
