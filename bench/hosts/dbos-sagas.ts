import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';
import { answer } from '../harness/processes.ts';
import { measureSagas, type RunSagas, stepNames } from './run-sagas.ts';

/**
 * The same four steps as a DBOS workflow. Called directly, not through a queue, which is its fastest way; logging only errors, no telemetry. A step
 * that writes does so with a pool of its own, whose connections have a statement prepared.
 */
answer(async (input: RunSagas) => {
  const pool = new pg.Pool({ connectionString: input.databaseUrl, max: input.connections });
  await pool.query(
    'create table if not exists done (saga integer not null, step text not null, primary key (saga, step))',
  );
  const insert = 'insert into done (saga, step) values ($1, $2) on conflict do nothing';

  const fourSteps = DBOS.registerWorkflow(
    async (n: number) => {
      for (const name of stepNames) {
        const step = async () => {
          if (input.writesRows) await pool.query({ name: 'insert', text: insert, values: [n, name] });
          return { n };
        };
        await DBOS.runStep(step, { name });
      }
    },
    { name: 'fourSteps' },
  );

  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: input.databaseUrl,
    systemDatabasePoolSize: input.connections,
    logLevel: 'error',
    applicationVersion: 'bench',
    enableOTLP: false,
    tracingEnabled: false,
  });
  await DBOS.launch();
  const measured = await measureSagas(input, fourSteps);
  const { rows } = await pool.query<{ ended: string }>(
    `select count(*) as ended from dbos.workflow_status where status = 'SUCCESS'`,
  );
  await DBOS.shutdown();
  await pool.end();
  const ended = Number(rows[0]?.ended);
  if (ended !== input.sagas + input.warmUp)
    throw new Error(`${ended} workflows have ended, not ${input.sagas + input.warmUp}`);
  return measured;
});
