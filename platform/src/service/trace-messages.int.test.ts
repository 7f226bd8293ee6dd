import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '../ids/index.ts';
import { Inbox } from '../inbox/index.ts';
import type { Message } from '../schema/index.ts';
import { Database, migrate, readMigrations } from '../sql/index.ts';
import { createLog, createTraces, newTraceparent, type Traces, traceIdOf } from '../telemetry/index.ts';
import { type TestDatabase, testDatabase } from '../testing/index.ts';
import { traceMessages } from './trace-messages.ts';

describe('messages in a trace', () => {
  let server: TestDatabase;
  let db: Database;
  let traces: Traces;
  let inbox: Inbox;
  const lines: string[] = [];
  const handed: Message[] = [];
  /** How many more tries fail, by key. */
  const failures = new Map<string, number>();

  before(async () => {
    server = await testDatabase('trace_messages');
    db = new Database({ url: server.url, name: 'test' });
    await migrate(db, 'kit', await readMigrations(new URL('../../migrations/', import.meta.url)));
    traces = await createTraces({ environment: {} });
    const destination = { write: (line: string) => void lines.push(line) };
    const handle = async (messages: readonly Message[]) => {
      handed.push(...messages);
      const bad = messages.find(({ key }) => (failures.get(key) ?? 0) > 0);
      if (bad) failures.set(bad.key, (failures.get(bad.key) ?? 0) - 1);
      if (bad) throw Object.assign(new Error('away'), { code: 'thing.broken' });
    };
    inbox = new Inbox({
      db,
      log: createLog({ service: 'test', destination }),
      knows: () => true,
      handle: traceMessages(handle, 'test', traces),
    });
    await inbox.start();
  });
  after(async () => {
    await inbox.stop();
    await traces.close();
    await db.close();
    await server.drop();
  });

  test('a message of a trace that is not recorded is handed on as it is', async () => {
    const one = message(false);
    await inbox.accept([one]);
    equal(handed.at(-1), one);
    deepEqual(traces.byId(traceIdOf(one.cause.traceparent)), []);
  });

  test('what follows from a recorded message comes under the span of its handling', async () => {
    const one = message(true);
    await inbox.accept([one]);
    const spans = traces.byId(traceIdOf(one.cause.traceparent));
    deepEqual(spans.map(({ name }) => name).sort(), ['queue wait', 'thing.asked.v1']);
    const span = spans.find(({ name }) => name === 'thing.asked.v1');
    const given = handed.at(-1)?.cause.traceparent;
    equal(given?.slice(36, 52), span?.spanId);
    notEqual(given, one.cause.traceparent);
    equal(span?.attributes.sagaId, one.step?.saga);
  });

  test('in a batch that fails only the guilty message has a span that failed, and its log line says where it belongs', async () => {
    const [good, bad] = [message(true), message(true)];
    // Once with the batch and once alone; the third try goes well.
    failures.set(bad.key, 2);
    await inbox.accept([good, bad]);
    await until(() => named(bad).length === 3);
    deepEqual(
      named(good).map(({ error }) => error),
      [null, null],
    );
    deepEqual(
      named(bad).map(({ error }) => error),
      [null, 'thing.broken', null],
    );
    equal(named(good)[0]?.attributes.batchFailed, 'thing.broken');
    const line = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
    deepEqual(
      [line.messageId, line.correlationId, line.traceId, line.sagaId],
      [bad.id, 'c-1', traceIdOf(bad.cause.traceparent), bad.step?.saga],
    );
    ok(!lines.some((line) => line.includes('secret')), 'never what is in the message');
  });

  const named = ({ cause }: Message) =>
    traces.byId(traceIdOf(cause.traceparent)).filter(({ name }) => name === 'thing.asked.v1');
});

function message(sampled: boolean): Message {
  return {
    id: newId(),
    type: 'thing.asked.v1',
    key: newId(),
    payload: { note: 'secret' },
    occurredAt: new Date().toISOString(),
    cause: { correlationId: 'c-1', traceparent: newTraceparent(sampled) },
    step: { saga: newId(), step: 'ask', replyTo: 'test', mode: 'do' },
  };
}

async function until(holds: () => boolean): Promise<void> {
  for (const byMs = performance.now() + 10_000; !holds(); await sleep(2)) {
    ok(performance.now() < byMs, 'it did not come to pass within 10 s');
  }
}
