import { deepEqual, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '../ids/index.ts';
import { event, type Message, nullable, strict, Type } from '../schema/index.ts';
import type { Tx } from '../sql/index.ts';
import type { ServiceDefinition } from './definition.ts';
import { createDispatch } from './dispatch.ts';

const told = event(
  'thing.told.v1',
  strict({
    n: Type.Integer(),
    by: nullable(strict({ name: Type.String() })),
    lines: Type.Array(strict({ sku: Type.String() })),
  }),
);

function message(payload: unknown): Message {
  return {
    id: newId(),
    type: told.type,
    key: 'a',
    payload,
    occurredAt: new Date().toISOString(),
    cause: { correlationId: 'c1' },
  };
}

/** What a service that hears `told` is given of the messages. */
async function heardOf(...messages: Message[]): Promise<unknown[]> {
  const heard: unknown[] = [];
  const handleMany = async (all: readonly Message[]) => void heard.push(...all.map(({ payload }) => payload));
  const definition = {
    name: 'hearer',
    reactions: [{ event: told, handleMany }],
  } as unknown as ServiceDefinition<never>;
  const none = {} as never;
  const dispatch = createDispatch(definition, { service: () => none, sagas: none, participant: none });
  await dispatch.handle(messages, {} as Tx);
  return heard;
}

test('a message of a newer sender is carried out without the fields that are not known here', async () => {
  const payload = { n: 1, by: { name: 'Ann', title: 'Dr' }, lines: [{ sku: 'A', colour: 'red' }], note: 'new' };
  const sent = message(payload);
  deepEqual(await heardOf(sent, message({ n: 2, by: null, lines: [] })), [
    { n: 1, by: { name: 'Ann' }, lines: [{ sku: 'A' }] },
    { n: 2, by: null, lines: [] },
  ]);
  deepEqual(sent.payload, payload);
});

test('one that lacks what its type promises is refused, whatever it has beside', async () => {
  await rejects(heardOf(message({ by: null, lines: [], note: 'new' })), /malformed: \/n is required/);
});
