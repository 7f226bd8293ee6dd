import { deepEqual, equal, notEqual, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '../ids/index.ts';
import type { Message } from '../schema/index.ts';
import type { Undecodable } from './index.ts';
import { LocalTransport } from './local.ts';

function message(payload: unknown): Message {
  return {
    id: newId(),
    type: 'thing.happened.v1',
    key: 'a',
    payload,
    occurredAt: new Date().toISOString(),
    cause: { correlationId: 'c1' },
  };
}

function opened(...services: string[]) {
  const transport = new LocalTransport();
  const arrived = new Map<string, Message[]>();
  const buried: Undecodable[] = [];
  for (const service of services) {
    arrived.set(service, []);
    transport.attach(service, {
      accept: async (messages) => void arrived.get(service)?.push(...messages),
      bury: async (undecodable) => void buried.push(...undecodable),
    });
  }
  return { transport, arrived, buried, arrivedAt: (service: string) => arrived.get(service)?.[0] as Message };
}

test('every subscriber gets a message of its own, which nobody else changes', async () => {
  const { transport, arrivedAt } = opened('one', 'other');
  const sent = message({ lines: [{ sku: 'A', quantity: 1 }] });
  for (const service of ['one', 'other']) await transport.deliver(service, [sent]);
  deepEqual(arrivedAt('one'), sent);
  notEqual(arrivedAt('one').payload, arrivedAt('other').payload);
  (arrivedAt('one').payload as { lines: unknown[] }).lines.length = 0;
  (sent.payload as { lines: unknown[] }).lines.push('late');
  deepEqual(arrivedAt('other').payload, { lines: [{ sku: 'A', quantity: 1 }] });
});

test('what arrives is what would have come over a network', async () => {
  const { transport, arrivedAt } = opened('one');
  await transport.deliver('one', [message({ left: undefined, at: new Date(0), list: [undefined, Number.NaN] })]);
  const { payload } = arrivedAt('one');
  deepEqual(payload, { at: '1970-01-01T00:00:00.000Z', list: [null, null] });
  equal(Object.hasOwn(payload as object, 'left'), false);
});

test('a message that no database takes is buried under its own id and key, and the others arrive', async () => {
  const { transport, arrived, buried } = opened('one');
  const [before, bad, after] = [message('a'), message({ note: 'a\0b' }), message('b')];
  await transport.deliver('one', [before, bad, after]);
  deepEqual(arrived.get('one'), [before, after]);
  deepEqual(
    buried.map(({ id, key, reason }) => [id, key, reason]),
    [[bad.id, bad.key, 'What arrived is no message: it holds characters that no database takes.']],
  );
});

test('a message for nobody here is not taken', async () => {
  await rejects(new LocalTransport().deliver('one', [message({})]), { code: 'service.unavailable' });
});
