import type { EmbeddedPostgres } from '@stoa/platform/embedded';
import { type BenchBroker, startBroker } from '../harness/broker.ts';
import { startPostgres } from '../harness/postgres.ts';
import { ask, cpuMsOfFamily } from '../harness/processes.ts';
import type { Bench, Scenario } from '../harness/scenario.ts';
import type { RelayMessages, RelayPart } from '../hosts/relay-roles.ts';

type Engine = 'stoa' | 'raw';

interface Speed {
  readonly perSecond: number;
  /** Microseconds of processor time a message. */
  readonly cpuUs: Readonly<Record<'teller' | 'listener' | 'postgres' | 'broker', number>>;
}

export const relay: Scenario = {
  about: 'outbox, RabbitMQ, inbox and handled, beside the raw client with confirms and the same two inserts',
  async run(bench) {
    const postgres = await startPostgres(bench);
    const broker = await startBroker(bench);
    const messages = bench.quick ? 10_000 : 60_000;
    const best: Partial<Record<Engine, Speed>> = {};
    for (let round = 0; round <= (bench.quick ? 1 : 3); round++) {
      for (const engine of ['stoa', 'raw'] as const) {
        const speed = await measure(bench, { postgres, broker, engine, round, messages });
        bench.say(`${engine}${round === 0 ? ', warming up' : ''}: ${speed.perSecond.toFixed(0)}/s`);
        if (round > 0 && speed.perSecond > (best[engine]?.perSecond ?? 0)) best[engine] = speed;
      }
    }
    const { stoa, raw } = best as Record<Engine, Speed>;
    const cpuFigures = (name: string, { cpuUs }: Speed) =>
      (['teller', 'listener', 'postgres', 'broker'] as const).map((part) => ({
        name: `${name}: processor time, ${part}`,
        value: cpuUs[part],
        unit: 'µs a message',
      }));
    return {
      figures: [
        { name: 'Stoa: outbox to handled', value: stoa.perSecond, unit: 'messages/s', target: { atLeast: 5_000 } },
        { name: 'raw client with two inserts', value: raw.perSecond, unit: 'messages/s' },
        {
          name: 'Stoa to the raw client',
          value: (stoa.perSecond / raw.perSecond) * 100,
          unit: '%',
          target: { atLeast: 70 },
        },
        ...cpuFigures('Stoa', stoa),
        ...cpuFigures('raw client', raw),
      ],
      notes: [
        `${messages.toLocaleString('en')} messages, five a key and 500 keys at a time, a process for each side, PostgreSQL and RabbitMQ beside them on the same cores; the engines take turns, the best run of each counts.`,
        'The time is from the first publish to the commit of the last reaction; every message leaves one row, whose number is its primary key.',
        'Stoa publishes each message in a transaction of its own, 512 under way at once. The raw client inserts and publishes 500 at once and handles up to 500 at once, with the same kind of exchange and queue; it does without order a key, without looking for duplicates and without removing what was sent.',
      ],
    };
  },
};

interface Round {
  readonly postgres: EmbeddedPostgres;
  readonly broker: BenchBroker;
  readonly engine: Engine;
  readonly round: number;
  readonly messages: number;
}

async function measure(bench: Bench, { postgres, broker, engine, round, messages }: Round): Promise<Speed> {
  const [teller, listener] = await Promise.all([
    postgres.ensureDatabase(`${engine}_teller_${round}`),
    postgres.ensureDatabase(`${engine}_listener_${round}`),
  ]);
  const read = () => ({ postgres: cpuMsOfFamily(postgres.pid), broker: broker.cpuMs() });
  const before = read();
  const play = (role: RelayMessages['role'], databaseUrl: string) =>
    ask<RelayPart>(bench, `hosts/${engine}-relay.ts`, { role, databaseUrl, brokerUrl: broker.url, messages });
  const [told, heard] = await Promise.all([play('teller', teller), play('listener', listener)]);
  const after = read();
  const aMessage = (ms: number) => (ms * 1_000) / messages;
  return {
    perSecond: messages / ((heard.atMs - told.atMs) / 1_000),
    cpuUs: {
      teller: aMessage(told.cpuMs),
      listener: aMessage(heard.cpuMs),
      postgres: aMessage(after.postgres - before.postgres),
      broker: aMessage(after.broker - before.broker),
    },
  };
}
