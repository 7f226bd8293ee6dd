import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@stoa/platform/ids';
import { contract, event, strict, Type } from '@stoa/platform/schema';
import { defineService, type Running, reactionToMany, run, type Service } from '@stoa/platform/service';
import { createLog } from '@stoa/platform/telemetry';
import { connectRabbit } from '@stoa/platform/transport';
import { answer } from '../harness/processes.ts';
import { cpuMsSince, keyOf, nowMs, type RelayMessages, type RelayPart, untilConsumed } from './relay-roles.ts';

const told = event('bench.told.v1', strict({ n: Type.Integer() }));
/** Transactions that publish at once, each one message. */
const publishers = 512;

answer(async ({ role, databaseUrl, brokerUrl, messages }: RelayMessages): Promise<RelayPart> => {
  const allHandled = Promise.withResolvers<void>();
  let open = messages;
  const teller = defineService({
    name: 'teller',
    contract: contract({ service: 'teller', operations: {}, events: { told }, commands: {}, errors: {} }),
  });
  const listener = defineService({
    name: 'listener',
    contract: contract({ service: 'listener', operations: {}, events: {}, commands: {}, errors: {} }),
    migrations: new URL('listener-migrations/', import.meta.url),
    reactions: [
      reactionToMany(told, async (batch, tx) => {
        const numbers = batch.map(({ payload }) => payload.n);
        await tx.query('insert into heard (message) select unnest($1::integer[])', [numbers]);
        tx.afterCommit(() => {
          open -= numbers.length;
          if (open === 0) allHandled.resolve();
        });
      }),
    ],
  });
  const log = createLog({ service: 'bench', level: 'warn' });
  const broker = await connectRabbit({ url: brokerUrl, name: `bench ${role}`, services: ['teller', 'listener'], log });
  const running = await run([role === 'teller' ? teller : listener] as never, {
    environment: {},
    log,
    version: '0',
    system: [teller, listener] as never,
    broker,
    databaseUrl: async () => databaseUrl,
  });
  const before = process.cpuUsage();
  try {
    if (role === 'teller') {
      await untilConsumed(brokerUrl, 'stoa.listener');
      const atMs = nowMs();
      await tell(running, messages);
      return { atMs, cpuMs: cpuMsSince(before) };
    }
    await allHandled.promise;
    return { atMs: nowMs(), cpuMs: cpuMsSince(before) };
  } finally {
    await running.stop();
    await broker.close();
  }
});

/** Publishes everything and waits until the relay has handed it over. */
async function tell(running: Running, messages: number): Promise<void> {
  const service = running.services.get('teller')?.service as Service<never>;
  let next = 0;
  const publisher = async () => {
    while (next < messages) {
      const n = next++;
      await service.db.grouped((tx) =>
        service.publish(tx, told, { key: keyOf(n), payload: { n }, cause: { correlationId: newId() } }),
      );
    }
  };
  await Promise.all(Array.from({ length: publishers }, publisher));
  for (;;) {
    const [row] = await service.db.query<{ left: number }>('select count(*) as left from kit.outbox', []);
    if (row?.left === 0) return;
    await sleep(100);
  }
}
