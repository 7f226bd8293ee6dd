import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@stoa/platform/ids';
import { contract, event, strict, Type } from '@stoa/platform/schema';
import { defineService, reactionToMany, run, type Service } from '@stoa/platform/service';
import { createLog } from '@stoa/platform/telemetry';
import { answer } from '../harness/processes.ts';
import { type Quantiles, quantilesOf } from '../harness/quantiles.ts';

/** One service tells, another listens and writes a row a message: from `publish` in a transaction to the commit of the reaction. */
export interface SendMessages {
  readonly databaseUrls: Readonly<Record<string, string>>;
  readonly messages: number;
  /** Transactions that publish at once, each one message. Without it they come at `perSecond`. */
  readonly publishers?: number;
  readonly perSecond?: number;
}

export interface MessagesHandled {
  readonly messages: number;
  /** From the first `publish` until the last reaction has committed. */
  readonly seconds: number;
  /** From the commit of the publisher to the commit of the reaction. */
  readonly toHandled: Quantiles;
  readonly statements: number;
  readonly cpuMs: number;
}

const told = event('bench.told.v1', strict({ n: Type.Integer() }));
/** A key has a few messages, as an order has; their order is kept. */
const messagesPerKey = 5;

answer(async (input: SendMessages): Promise<MessagesHandled> => {
  const committedAtMs = new Float64Array(input.messages);
  const handledAtMs = new Float64Array(input.messages);
  let open = input.messages;
  const allHandled = Promise.withResolvers<void>();

  const teller = defineService({
    name: 'teller',
    contract: contract({ service: 'teller', operations: {}, events: { told }, commands: {}, errors: {} }),
  });
  const listener = defineService({
    name: 'listener',
    contract: contract({ service: 'listener', operations: {}, events: {}, commands: {}, errors: {} }),
    migrations: new URL('listener-migrations/', import.meta.url),
    reactions: [
      reactionToMany(told, async (messages, tx) => {
        const numbers = messages.map(({ payload }) => payload.n);
        await tx.query('insert into heard (message) select unnest($1::integer[])', [numbers]);
        tx.afterCommit(() => {
          for (const n of numbers) handledAtMs[n] = performance.now();
          open -= numbers.length;
          if (open === 0) allHandled.resolve();
        });
      }),
    ],
  });

  const running = await run([teller, listener] as never, {
    environment: {},
    log: createLog({ service: 'bench', level: 'warn' }),
    version: '0',
    databaseUrl: async (service) => input.databaseUrls[service] ?? '',
  });
  const [from, to] = ['teller', 'listener'].map((name) => running.services.get(name)?.service as Service<never>);
  if (!from || !to) throw new Error('the services are not there');
  const statements = () => from.db.usage.statements + to.db.usage.statements;

  const publish = (n: number) =>
    from.db.grouped((tx) => {
      const key = `key-${Math.floor(n / messagesPerKey)}`;
      from.publish(tx, told, { key, payload: { n }, cause: { correlationId: newId() } });
      tx.afterCommit(() => {
        committedAtMs[n] = performance.now();
      });
    });

  const before = { statements: statements(), cpu: process.cpuUsage(), atMs: performance.now() };
  if (input.perSecond === undefined) await publishInLoops(input.messages, input.publishers ?? 1, publish);
  else await publishAtRate(input.messages, input.perSecond, publish);
  await allHandled.promise;
  const seconds = (performance.now() - before.atMs) / 1000;
  const { user, system } = process.cpuUsage(before.cpu);
  const sent = statements() - before.statements;

  const [row] = await to.db.query<{ count: number }>('select count(*) as count from heard', []);
  await running.stop();
  if (row?.count !== input.messages) throw new Error(`${row?.count} of ${input.messages} messages have left a row`);
  return {
    messages: input.messages,
    seconds,
    toHandled: quantilesOf(handledAtMs.map((at, n) => at - (committedAtMs[n] ?? 0))),
    statements: sent,
    cpuMs: (user + system) / 1000,
  };
});

async function publishInLoops(
  count: number,
  publishers: number,
  publish: (n: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const publisher = async () => {
    while (next < count) await publish(next++);
  };
  await Promise.all(Array.from({ length: publishers }, publisher));
}

async function publishAtRate(
  count: number,
  perSecond: number,
  publish: (n: number) => Promise<unknown>,
): Promise<void> {
  const startedAtMs = performance.now();
  const open: Promise<unknown>[] = [];
  for (let n = 0; n < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - startedAtMs) / 1000) * perSecond) + 1);
    for (; n < due; n++) open.push(publish(n));
    await sleep(1);
  }
  await Promise.all(open);
}
