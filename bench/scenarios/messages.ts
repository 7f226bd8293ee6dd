import { startPostgres } from '../harness/postgres.ts';
import { ask } from '../harness/processes.ts';
import type { Scenario } from '../harness/scenario.ts';
import type { MessagesHandled, SendMessages } from '../hosts/messages.ts';

const publishers = 512;
const offeredPerSecond = 1_000;

export const messages: Scenario = {
  about: 'from a transaction that publishes to the transaction of the reaction, two services with a database each',
  async run(bench) {
    const postgres = await startPostgres(bench);
    const measure = async (round: string, input: Omit<SendMessages, 'databaseUrls'>) => {
      const [teller, listener] = await Promise.all([
        postgres.ensureDatabase(`teller_${round}`),
        postgres.ensureDatabase(`listener_${round}`),
      ]);
      return ask<MessagesHandled>(bench, 'hosts/messages.ts', { ...input, databaseUrls: { teller, listener } });
    };

    bench.say('warming the server up');
    await measure('warm', { messages: bench.quick ? 2_000 : 10_000, publishers });
    bench.say('as fast as it goes');
    const fast = await measure('fast', { messages: bench.quick ? 20_000 : 100_000, publishers });
    bench.say(`${offeredPerSecond} messages/s offered`);
    const seconds = bench.quick ? 5 : 20;
    const steady = await measure('steady', { messages: seconds * offeredPerSecond, perSecond: offeredPerSecond });

    return {
      figures: [
        {
          name: 'outbox to handled',
          value: fast.messages / fast.seconds,
          unit: 'messages/s',
          target: { atLeast: 8_000 },
        },
        { name: 'processor time, Node', value: (fast.cpuMs * 1000) / fast.messages, unit: 'µs a message' },
        { name: 'SQL statements', value: fast.statements / fast.messages, unit: 'a message' },
        { name: 'at 1,000/s: p50', value: steady.toHandled.p50, unit: 'ms' },
        { name: 'at 1,000/s: p99', value: steady.toHandled.p99, unit: 'ms', target: { atMost: 50 } },
        { name: 'at 1,000/s: longest', value: steady.toHandled.max, unit: 'ms' },
        { name: 'at 1,000/s: SQL statements', value: steady.statements / steady.messages, unit: 'a message' },
      ],
      notes: [
        `${fast.messages.toLocaleString('en')} messages, five a key, ${publishers} publishing transactions under way at once, each with one message; publishing is inside the time.`,
        'The reaction writes one row a message; every row is counted at the end. Latency is from the commit of the publisher to the commit of the reaction.',
        'Publisher and listener share one process, as in a shop run by `npm start`.',
      ],
    };
  },
};
