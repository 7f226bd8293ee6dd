// needs: rabbitmq
// limit: 300 s
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from 'rabbitmq-client';
import { newId } from '../../ids/index.ts';
import { listDeadLetters, redrive } from '../../inbox/index.ts';
import { type Line, openLine, type RabbitServer, startRabbitServer } from '../../testing/index.ts';
import { connectRabbit, type RabbitTransport } from '../index.ts';
import {
  type Hearer,
  type HearerProcess,
  log,
  message,
  openHearer,
  openTeller,
  type Teller,
  until,
} from './testing/thing-services.ts';

describe('messages through RabbitMQ', () => {
  let server: RabbitServer;
  let teller: Teller;
  let hearer: Hearer;
  /** A stranger's view of the broker. */
  let other: Connection;
  const closing: (() => Promise<unknown>)[] = [];

  before(async () => {
    [server, teller, hearer] = await Promise.all([startRabbitServer(), openTeller(), openHearer()]);
    other = new Connection(server.url);
  });
  beforeEach(async () => {
    await hearer.db.query('truncate effect, kit.inbox', []);
    await teller.db.query('truncate kit.outbox, kit.lease', []);
    hearer.onHandle = async () => undefined;
  });
  afterEach(async () => {
    for (let close = closing.pop(); close; close = closing.pop()) await close();
    for (const queue of ['stoa.hearer', 'stoa.nobody']) await other.queueDelete({ queue });
  });
  after(async () => {
    await other?.close();
    await server?.stop();
    await Promise.all([teller?.close(), hearer?.close()]);
  });

  async function connect(url = server.url, services: readonly string[] = ['hearer']): Promise<RabbitTransport> {
    const rabbit = await connectRabbit({ url, name: 'stoa test', services, log });
    closing.push(() => rabbit.close());
    return rabbit;
  }
  function openTelling(rabbit: RabbitTransport) {
    const telling = teller.open(rabbit, ['hearer']);
    closing.push(() => telling.stop());
    return telling;
  }
  async function openHearing(
    rabbit: RabbitTransport,
  ): Promise<HearerProcess & { consumer: { stop(): Promise<void> } }> {
    const hearing = await hearer.open();
    const consumer = await rabbit.consume('hearer', hearing);
    closing.push(async () => {
      await consumer.stop();
      await hearing.stop();
    });
    return Object.assign(hearing, { consumer });
  }
  async function lineTo(): Promise<Line & { url: string }> {
    const line = await openLine({ port: server.port });
    closing.push(() => line.close());
    return Object.assign(line, { url: `amqp://guest:guest@127.0.0.1:${line.port}` });
  }
  /** Keeps messages in the middle of being handled. */
  function holdHandling(): { readonly begun: number; letGo(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const hold = { begun: 0, letGo: resolve };
    hearer.onHandle = async (messages) => {
      hold.begun += messages.length;
      await promise;
    };
    return hold;
  }
  const waiting = async (queue = 'stoa.hearer') => (await other.queueDeclare({ queue, passive: true })).messageCount;
  const count = () => hearer.count();
  const keys = Array.from({ length: 7 }, (_, at) => `key-${at}`);
  const checkAll = (count: number) => hearer.checkEffects(Object.fromEntries(keys.map((key) => [key, count])));
  async function tellAll(
    telling: { publish(key: string, numbers: readonly number[]): Promise<void> },
    to: number,
    from = 0,
  ) {
    for (let n = from; n < to; n += 5) {
      const numbers = [n, n + 1, n + 2, n + 3, n + 4];
      await Promise.all(keys.map((key) => telling.publish(key, numbers)));
    }
  }

  it('go from an outbox to their effects, once, in order of each key, and leave the outbox empty', async () => {
    const rabbit = await connect();
    await openHearing(rabbit);
    await tellAll(openTelling(rabbit), 100);
    await until(async () => (await count()) >= 700, 'all have taken effect');
    await checkAll(100);
    await until(async () => (await teller.unconfirmed()) === 0, 'the outbox is empty');
    assert.equal(rabbit.state, 'up');
  });

  it('wait in a queue that the sender made, until their subscriber runs for the first time', async () => {
    const telling = openTelling(await connect());
    await telling.publish('a', [0, 1, 2]);
    await until(async () => (await teller.unconfirmed()) === 0, 'the broker has them');
    assert.equal(await waiting(), 3);
    await openHearing(await connect());
    await until(async () => (await count()) === 3, 'they have taken effect');
    await hearer.checkEffects({ a: 3 });
  });

  it('are not delivered when the broker has no queue for them, and stay in the outbox until it has', async () => {
    const rabbit = await connect(server.url, ['nobody']);
    await other.queueDelete({ queue: 'stoa.nobody' });
    await assert.rejects(rabbit.deliver('nobody', [message('a', 1), message('a', 2)]), /2 messages came back/);
    await rabbit.deliver('nobody', [message('a', 1)]);
    assert.equal(await waiting('stoa.nobody'), 1);
  });

  it('stay in the outbox for as long as the broker has not confirmed them', async () => {
    const rabbit = await connect();
    const telling = openTelling(rabbit);
    await telling.publish('a', [0]);
    await until(async () => (await teller.unconfirmed()) === 0, 'it works');
    await server.hang();
    try {
      await telling.publish('a', [1]);
      await sleep(300);
      assert.equal(await teller.unconfirmed(), 1);
    } finally {
      server.resume();
    }
    await until(async () => (await teller.unconfirmed()) === 0, 'the broker has confirmed it');
    assert.equal(await waiting(), 2);
  });

  it('keep the order of each key and take effect once while every connection breaks again and again', async () => {
    const line = await lineTo();
    const rabbit = await connect(line.url);
    const telling = openTelling(rabbit);
    await openHearing(rabbit);
    let cuts = 0;
    const told = tellAll(telling, 400);
    const cutting = setInterval(() => {
      line.cut();
      cuts++;
    }, 700);
    try {
      await told;
      await until(() => cuts >= 5, 'the line was cut five times');
    } finally {
      clearInterval(cutting);
    }
    await until(async () => (await count()) >= 2_800, 'all have taken effect');
    await checkAll(400);
    await until(() => rabbit.state === 'up', 'it is up again');
  });

  it('are taken by one of two replicas, and by the other from where it stopped', async () => {
    const telling = openTelling(await connect());
    const [first, second] = [await openHearing(await connect()), await openHearing(await connect())];
    await tellAll(telling, 50);
    await until(async () => (await count()) === 350, 'the first has them');
    assert.deepEqual([first.delivered, second.delivered], [350, 0]);
    const more = tellAll(telling, 200, 50);
    await first.consumer.stop();
    await more;
    await until(async () => (await count()) >= 1_400, 'the second has the rest');
    assert.ok(second.delivered > 0);
    await checkAll(200);
  });

  it('are taken over from a replica whose connection breaks in the middle, in order', async () => {
    const line = await lineTo();
    const telling = openTelling(await connect());
    const first = await openHearing(await connect(line.url));
    const second = await openHearing(await connect());
    const told = tellAll(telling, 200);
    await until(async () => (await count()) > 100, 'the first is at work');
    line.cut({ stay: true });
    await told;
    await until(async () => (await count()) >= 1_400, 'the second has the rest');
    assert.ok(first.delivered > 0 && second.delivered > 0);
    await checkAll(200);
  });

  it('wait in the queue while the inbox cannot reach its database, without being delivered over and over', async () => {
    const rabbit = await connect();
    const telling = openTelling(rabbit);
    const hearing = await openHearing(rabbit);
    await tellAll(telling, 10);
    await until(async () => (await count()) === 70, 'it works');
    const hold = holdHandling();
    const told = tellAll(telling, 60, 10);
    await until(() => hold.begun > 0, 'some are being handled');
    hearer.line.cut({ stay: true });
    hold.letGo();
    try {
      await told;
      await until(async () => (await teller.unconfirmed()) === 0, 'the broker has them');
      await sleep(4_000);
      assert.ok(hearing.delivered <= 2 * 350, `delivered ${hearing.delivered} times`);
    } finally {
      hearer.line.mend();
    }
    await until(async () => (await count()) >= 420, 'all have taken effect');
    await checkAll(60);
    assert.ok(hearing.delivered <= 3 * 350, `delivered ${hearing.delivered} times`);
    await until(async () => (await waiting()) === 0, 'the queue is empty');
  });

  it('that are none become dead letters, which stay dead, and hold back nobody but those behind them of their key', async () => {
    const rabbit = await connect();
    const json = { contentType: 'application/json', exchange: 'stoa', routingKey: 'hearer.x', durable: true };
    const junk = Buffer.alloc(5 * 1_048_576, 0xff);
    const nested = () => {
      const text = JSON.stringify({ ...message('b', 1), type: 'thing.told.v2', payload: 'nested' });
      return Buffer.from(text.replace('"nested"', '['.repeat(5_000) + ']'.repeat(5_000)));
    };
    const bodies = [
      [json, Buffer.from('{"id":')],
      [{ ...json, contentEncoding: 'utf-8', messageId: 'another' }, Buffer.from('{"id":')],
      [json, Buffer.from('[1,2]')],
      [json, Buffer.from('{"id":"x","type":"thing.told.v1"}')],
      [json, Buffer.from('['.repeat(100_000) + ']'.repeat(100_000))],
      [{ ...json, contentEncoding: 'utf-8' }, Buffer.from(JSON.stringify({ ...message('a', 1), payload: '\0' }))],
      [json, Buffer.from(JSON.stringify({ ...message('b', 1), type: 'thing.told.v2', payload: '\0' }))],
      [json, nested()],
      [{ ...json, contentEncoding: 'utf-8' }, nested()],
      [json, Buffer.from(JSON.stringify(message('k'.repeat(900) + newId().repeat(100), 1)))],
      [json, Buffer.from(JSON.stringify({ ...message('b', 1), id: newId().toUpperCase() }))],
      [{ ...json, contentType: 'application/octet-stream', messageId: 'm'.repeat(200) }, junk],
      [{ ...json, contentType: 'text/plain' }, Buffer.from('hello')],
      [json, Buffer.alloc(0)],
    ] as const;
    for (const [envelope, body] of bodies)
      await other.acquire().then((ch) => ch.basicPublish(envelope, body).then(() => ch.close()));
    await rabbit.deliver('hearer', [message('a', 1), message('c', 0)]);
    await openHearing(rabbit);
    await until(async () => (await count()) === 1, 'the message behind them has taken effect');
    const letters = async () => listDeadLetters(hearer.db, { limit: 100, afterSeq: 0 });
    await until(async () => (await letters()).length === bodies.length, 'all are dead letters');
    await until(async () => (await waiting()) === 0, 'the queue is empty');
    for (const letter of await letters()) {
      assert.deepEqual([letter.status, letter.type], ['dead', 'undecodable']);
      assert.ok(letter.reason && JSON.stringify(letter.body).length < 10_000);
    }
    assert.equal(await redrive(hearer.db, 'all'), 0);
    assert.equal((await letters()).length, bodies.length);
    await hearer.checkEffects({ c: 1 });
  });

  it('that are being handled when a service stops are finished and acknowledged; the others wait for the next', async () => {
    const rabbit = await connect();
    const hearing = await openHearing(rabbit);
    const hold = holdHandling();
    await rabbit.deliver('hearer', [message('a', 0)]);
    await until(() => hold.begun === 1, 'the first is being handled');
    await rabbit.deliver('hearer', [message('a', 1), message('b', 0)]);
    const stopped = hearing.consumer.stop();
    hold.letGo();
    await stopped;
    assert.deepEqual(await hearer.effects(), [{ key: 'a', n: 0 }]);
    await until(async () => (await waiting()) === 2, 'the others are back in the queue');
    await openHearing(await connect());
    await until(async () => (await count()) === 3, 'the next has taken them');
    await hearer.checkEffects({ a: 2 });
  });
});
