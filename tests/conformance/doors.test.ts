import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { newId } from '@stoa/platform/ids';
import type { Message } from '@stoa/platform/schema';
import { LocalTransport, type Mailbox, RemoteTransport, type Transport } from '@stoa/platform/transport';
import { lookThrough } from './doors/look-through.ts';
import { type Doors, openDoors } from './doors/open-doors.ts';

/*
 * Services see each other through the kit's doors only. Here the same is looked at through each of them; and two differences between placements that have
 * bitten others are planted, to see that looking shows them.
 */

describe('calls', () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
  });
  after(() => doors?.close());

  const seenThrough = (door: 'inProcess' | 'overHttp' | 'byReference' | 'byErrorClass') =>
    lookThrough(doors[door], doors.witness);

  /** Names of what looks different from how it looks between processes. */
  async function differencesOf(door: 'inProcess' | 'byReference' | 'byErrorClass'): Promise<string[]> {
    const [seen, expected] = [await seenThrough(door), await seenThrough('overHttp')];
    return Object.keys(expected).filter((name) => {
      try {
        assert.deepEqual(seen[name], expected[name]);
        return false;
      } catch {
        return true;
      }
    });
  }

  test('in one process look as they do between processes', async () => {
    assert.deepEqual(await seenThrough('inProcess'), await seenThrough('overHttp'));
    assert.deepEqual(await differencesOf('inProcess'), []);
  });

  test('that hand over objects by reference are found out', async () => {
    assert.deepEqual(await differencesOf('byReference'), ['what goes in', 'what comes out']);
  });

  test('that let error classes out instead of codes are found out', async () => {
    assert.deepEqual(await differencesOf('byErrorClass'), [
      'an error: away',
      'an error: broken',
      'an error: foreign',
      'a wrapped error',
    ]);
  });
});

describe('messages', () => {
  test('arrive in one process as they do between processes', async () => {
    const local = await messagesThrough((one, other) => {
      const transport = new LocalTransport();
      transport.attach('one', one);
      transport.attach('other', other);
      return { transport };
    });
    assert.deepEqual(local, await messagesThrough(overHttp));
  });

  test('that are handed over by reference are found out', async () => {
    const planted = await messagesThrough((one, other) => ({
      transport: { deliver: (subscriber, messages) => (subscriber === 'one' ? one : other).accept(messages) },
    }));
    assert.notDeepEqual(planted, await messagesThrough(overHttp));
    assert.deepEqual(planted.otherHas, ['of the sender', 'by the first', 'by the sender']);
  });
});

interface Opened {
  readonly transport: Transport;
  close?(): void;
}
type Open = (one: Mailbox, other: Mailbox) => Opened | Promise<Opened>;

/** What two subscribers see of one message, of which the first changes what it got and the sender what it sent. */
async function messagesThrough(open: Open) {
  const arrived: { one?: Message; other?: Message } = {};
  const mailbox = (who: 'one' | 'other'): Mailbox => ({
    accept: async ([message]) => {
      if (message !== undefined) arrived[who] = message;
    },
    bury: async () => undefined,
  });
  const { transport, close } = await open(mailbox('one'), mailbox('other'));
  const payload = { when: new Date(0), nothing: undefined, list: ['of the sender'] };
  const message: Message = {
    id: newId(),
    type: 'thing.happened.v1',
    key: 'a',
    payload,
    occurredAt: new Date(0).toISOString(),
    cause: { correlationId: 'c1' },
  };
  await transport.deliver('one', [message]);
  const first = arrived.one?.payload as typeof payload;
  first.list.push('by the first');
  await transport.deliver('other', [message]);
  payload.list.push('by the sender');
  const second = arrived.other?.payload as typeof payload;
  close?.();
  return { when: typeof second.when, names: Object.keys(second), firstHas: first.list, otherHas: second.list };
}

/** Each delivery is a request to a server, as between processes. */
const overHttp: Open = async (one, other) => {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const messages = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Message[];
    await (request.url === '/one' ? one : other).accept(messages);
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const transport = new RemoteTransport(async (subscriber, messages) => {
    const { port } = server.address() as AddressInfo;
    await fetch(`http://127.0.0.1:${port}/${subscriber}`, { method: 'POST', body: JSON.stringify(messages) });
  });
  return {
    transport,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
};
