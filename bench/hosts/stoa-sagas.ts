import { newId } from '@stoa/platform/ids';
import { localStep, saga } from '@stoa/platform/saga';
import { contract } from '@stoa/platform/schema';
import { defineService, run, type Service } from '@stoa/platform/service';
import { insertRows, insertText, writer } from '@stoa/platform/sql';
import { createLog } from '@stoa/platform/telemetry';
import { answer } from '../harness/processes.ts';
import { measureSagas, type RunSagas, stepNames } from './run-sagas.ts';

interface Input {
  readonly n: number;
}

const insertDone = insertText('done', { saga: 'integer', step: 'text' });
const doneRows = writer<{ saga: number; step: string }>('done', 20, (tx, rows) => insertRows(tx, insertDone, rows));

answer(async (input: RunSagas) => {
  const waiting = new Map<string, () => void>();
  const four = saga<Input, undefined, unknown>('four-steps');
  for (const name of stepNames) {
    four.step(
      localStep({
        name,
        do: ({ input: { n } }, tx) => {
          if (input.writesRows) tx.defer(doneRows, { saga: n, step: name });
          return { n };
        },
      }),
    );
  }
  const definition = four.build({
    timeoutMs: 60_000,
    load: async () => new Map(),
    completed: ({ key }, tx) =>
      tx.afterCommit(() => {
        waiting.get(key)?.();
        waiting.delete(key);
      }),
  });
  const service = defineService({
    name: 'sagas',
    contract: contract({ service: 'sagas', operations: {}, events: {}, commands: {}, errors: {} }),
    migrations: new URL('saga-migrations/', import.meta.url),
    sagas: [definition],
  });
  const running = await run([service] as never, {
    environment: {},
    log: createLog({ service: 'bench', level: 'warn' }),
    version: '0',
    databaseUrl: async () => input.databaseUrl,
    connectionsMax: input.connections,
  });
  const hosted = running.services.get('sagas');
  if (!hosted) throw new Error('the service is not there');
  const { db, sagas } = hosted.service;

  const runOne = async (n: number) => {
    const key = newId();
    const completed = Promise.withResolvers<void>();
    waiting.set(key, completed.resolve);
    await db.grouped((tx) => sagas.start(tx, 'four-steps', { key, input: { n }, cause: { correlationId: key } }));
    await completed.promise;
  };
  const measured = await measureSagas(input, runOne);
  await check(db, input);
  await running.stop();
  return measured;
});

async function check(db: Service['db'], { sagas, warmUp, writesRows }: RunSagas): Promise<void> {
  const [row] = await db.query<{ ended: number; rows: number }>(
    `select (select count(*) from kit.saga where status = 'completed') as ended, (select count(*) from done) as rows`,
    [],
  );
  const expected = { ended: sagas + warmUp, rows: writesRows ? (sagas + warmUp) * stepNames.length : 0 };
  if (row?.ended !== expected.ended || row.rows !== expected.rows) {
    throw new Error(`expected ${JSON.stringify(expected)}, found ${JSON.stringify(row)}`);
  }
}
