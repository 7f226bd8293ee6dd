import { newId } from '@stoa/platform/ids';
import pg from 'pg';
import { type AsyncMessage, type Channel, Connection } from 'rabbitmq-client';
import { answer } from '../harness/processes.ts';
import { cpuMsSince, keyOf, nowMs, type RelayMessages, type RelayPart, untilConsumed } from './relay-roles.ts';

/** As many as an inbox takes in one transaction. */
const batchMax = 500;
const exchange = 'raw';
const queue = 'raw.listener';
/** Exchange and queue are as those of a service of ours, so that the broker does the same work. */
const queueArguments = { 'x-queue-type': 'quorum', 'x-single-active-consumer': true } as const;

/**
 * What the client library gives to somebody who does without outbox and inbox: rows are inserted and messages published with confirms, batch after
 * batch; the other side inserts a row a message and acknowledges the batch. Nothing looks for what was lost or came twice.
 */
answer(async (input: RelayMessages): Promise<RelayPart> => {
  const connection = new Connection(input.brokerUrl);
  const client = new pg.Client({ connectionString: input.databaseUrl });
  await client.connect();
  const channel = await connection.acquire();
  await channel.queueDeclare({ queue, durable: true, arguments: queueArguments });
  await channel.exchangeDeclare({ exchange, type: 'topic', durable: true });
  await channel.queueBind({ exchange, queue, routingKey: 'listener.#' });
  const before = process.cpuUsage();
  try {
    return input.role === 'teller' ? await tell(input, client, channel) : await hear(input, client, channel);
  } finally {
    await channel.close();
    await connection.close();
    await client.end();
  }

  async function tell({ messages, brokerUrl }: RelayMessages, sql: pg.Client, to: Channel): Promise<RelayPart> {
    await sql.query('create table told (id uuid, subscriber text, type text, key text, body json)');
    await to.confirmSelect();
    await untilConsumed(brokerUrl, queue);
    const atMs = nowMs();
    // The next batch is inserted while the last one is confirmed.
    let confirmed: Promise<unknown> = Promise.resolve();
    for (let first = 0; first < messages; first += batchMax) {
      const batch = Array.from({ length: Math.min(batchMax, messages - first) }, (_, at) => messageOf(first + at));
      await insertTold(sql, batch);
      await confirmed;
      confirmed = Promise.all(batch.map((message) => to.basicPublish(envelopeOf(message), encode(message))));
      confirmed.catch(() => undefined);
    }
    await confirmed;
    return { atMs, cpuMs: cpuMsSince(before) };
  }

  async function hear({ messages }: RelayMessages, sql: pg.Client, from: Channel): Promise<RelayPart> {
    await sql.query(
      'create table heard (message integer primary key, heard_at timestamptz not null default clock_timestamp())',
    );
    const allHandled = Promise.withResolvers<void>();
    let open = messages;
    const arrived: AsyncMessage[] = [];
    let working = false;
    const work = async () => {
      working = true;
      await new Promise((resolve) => setImmediate(resolve));
      while (arrived.length > 0) {
        const batch = arrived.splice(0, batchMax);
        const numbers = batch.map(({ body }) => (JSON.parse(String(body)) as Told).payload.n);
        await sql.query('insert into heard (message) select unnest($1::integer[])', [numbers]);
        from.basicAck({ deliveryTag: batch.at(-1)?.deliveryTag ?? 0, multiple: true });
        open -= batch.length;
        if (open === 0) allHandled.resolve();
      }
      working = false;
    };
    await from.basicQos({ prefetchCount: 2 * batchMax });
    await from.basicConsume({ queue }, (message) => {
      arrived.push(message);
      if (!working) work().catch(allHandled.reject);
    });
    await allHandled.promise;
    return { atMs: nowMs(), cpuMs: cpuMsSince(before) };
  }
});

type Told = ReturnType<typeof messageOf>;

/** As large as a message of ours. */
function messageOf(n: number) {
  return {
    id: newId(),
    type: 'bench.told.v1',
    key: keyOf(n),
    payload: { n },
    occurredAt: new Date().toISOString(),
    cause: { correlationId: newId() },
  };
}

function encode(message: Told): Buffer {
  return Buffer.from(JSON.stringify(message));
}

function envelopeOf({ id, type }: Told) {
  return {
    exchange,
    routingKey: `listener.${type}`,
    mandatory: true,
    durable: true,
    contentType: 'application/json',
    // With an encoding named, the client leaves the bytes alone.
    contentEncoding: 'utf-8',
    messageId: id,
    type,
  };
}

async function insertTold(sql: pg.Client, batch: readonly Told[]): Promise<void> {
  const rows = batch.map(({ id, type, key, ...body }) => ({ id, subscriber: 'listener', type, key, body }));
  await sql.query({
    name: 'told',
    text: `insert into told select * from json_to_recordset($1) as row(id uuid, subscriber text, type text, key text, body json)`,
    values: [JSON.stringify(rows)],
  });
}
