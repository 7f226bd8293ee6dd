import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { fault, refusal } from '../errors/index.ts';
import { newId } from '../ids/index.ts';
import type { Message } from '../schema/index.ts';
import { type Hand, RemoteTransport } from './remote.ts';

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

/** A subscriber that answers as told, and remembers what it was handed. */
function subscriber(answer: (messages: readonly (Message | string)[]) => void) {
  const handed: (readonly (Message | string)[])[] = [];
  const hand: Hand = async (_, messages) => {
    handed.push(messages);
    answer(messages);
  };
  return { handed, transport: new RemoteTransport(hand) };
}

const isText = (messages: readonly unknown[]) => messages.every((one) => typeof one === 'string');
const refusesObjects = (messages: readonly unknown[]) => {
  if (!isText(messages)) throw refusal('request.invalid', 'A text contains the character NUL.');
};
const mebibyte = 1_048_576;
const sized = (mebibytes: number) => message('x'.repeat(mebibytes * mebibyte));

test('messages travel in pieces of at most 4 MiB, and one that is larger alone', async () => {
  const { handed, transport } = subscriber(() => undefined);
  const sent = [sized(1), sized(2), sized(2), sized(6), sized(1)];
  await transport.deliver('tea', sent);
  deepEqual(
    handed.map((piece) => piece.map((one) => sent.indexOf(one as Message))),
    [[0, 1], [2], [3], [4]],
  );
});

test('the next piece does not go when one has failed', async () => {
  const { handed, transport } = subscriber((messages) => {
    if (messages[0] === sent[1]) throw fault('service.unavailable', 'tea cannot be reached.');
  });
  const sent = [sized(3), sized(3), sized(3)];
  await rejects(transport.deliver('tea', sent), { code: 'service.unavailable' });
  deepEqual(handed, [[sent[0]], [sent[1]]]);
});

test('a piece that is refused goes once more as texts, and the next as messages again', async () => {
  const { handed, transport } = subscriber((messages) => {
    if (messages.includes(bad)) refusesObjects(messages);
  });
  const bad = message('a\0b');
  const sent = [sized(2), bad, sized(3)];
  await transport.deliver('tea', sent);
  deepEqual(handed, [[sent[0], bad], [sent[0], bad].map((one) => JSON.stringify(one)), [sent[2]]]);
});

test('what an older program refuses both ways waits', async () => {
  const { handed, transport } = subscriber(() => {
    throw refusal('request.invalid', 'The request does not have the shape this operation takes.');
  });
  await rejects(transport.deliver('tea', [message(1), sized(4)]), { code: 'request.invalid' });
  equal(handed.length, 2);
});

test('a message that fits into no request is cut, so that it can be buried', async () => {
  const { handed, transport } = subscriber((messages) => {
    if (!isText(messages)) throw refusal('request.too-large', 'The body is larger than this operation takes.');
  });
  await transport.deliver('tea', [sized(17)]);
  const [text] = handed[1] as string[];
  ok(text !== undefined && text.length < 10_000);
});

for (const code of ['auth.missing', 'auth.forbidden', 'route.not-found', 'quota-exceeded', 'request.timeout']) {
  test(`nothing is tried another way when the answer is ${code}`, async () => {
    const { handed, transport } = subscriber(() => {
      throw refusal(code, 'not now');
    });
    await rejects(transport.deliver('tea', [message(1)]), { code });
    equal(handed.length, 1);
  });
}
