// needs: rabbitmq
// limit: 300 s
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMetrics } from '../../telemetry/index.ts';
import { type RabbitServer, startRabbitServer } from '../../testing/index.ts';
import { connectRabbit } from '../index.ts';
import { type Hearer, log, openHearer, openTeller, type Teller, until } from './testing/thing-services.ts';

describe('a RabbitMQ that is killed', () => {
  let server: RabbitServer;
  let teller: Teller;
  let hearer: Hearer;
  before(async () => {
    [server, teller, hearer] = await Promise.all([startRabbitServer(), openTeller(), openHearer()]);
  });
  after(async () => {
    await server?.stop();
    await Promise.all([teller?.close(), hearer?.close()]);
  });

  it('under load and started again has cost no message, no second effect and no order', async (test) => {
    const metrics = createMetrics({ ofProcess: false });
    const rabbit = await connectRabbit({ url: server.url, name: 'stoa test', services: ['hearer'], log, metrics });
    test.after(() => rabbit.close());
    // RabbitMQ 3.10 may find a quorum queue empty and without a leader, for ever, when it is killed within moments of making it: nothing is confirmed
    // or delivered then until somebody deletes the queue. One orderly restart, and it is a queue like any other.
    await server.ctl('stop_app');
    await server.ctl('start_app');
    await until(() => rabbit.state === 'up', 'it is up after an orderly restart');
    const hearing = await hearer.open();
    test.after(() => hearing.stop());
    const consumer = await rabbit.consume('hearer', hearing);
    test.after(() => consumer.stop());
    const telling = teller.open(rabbit, ['hearer']);
    test.after(() => telling.stop());
    const keys = Array.from({ length: 100 }, (_, at) => `key-${at}`);
    let isTelling = true;
    const told = Promise.all(
      keys.map(async (key) => {
        let n = 0;
        for (; isTelling; n += 3) {
          await telling.publish(key, [n, n + 1, n + 2]);
          await sleep(200);
        }
        return n;
      }),
    );
    const count = () => hearer.count();
    // Some seconds' worth each time: RabbitMQ 3.10 forgets a queue that it has only just made.
    for (let kill = 0; kill < 2; kill++) {
      const before = await count();
      await until(async () => (await count()) > before + 6_000, 'messages flow');
      await server.kill();
      await until(() => rabbit.state === 'down', 'its loss is noticed');
      await until(
        async () => /stoa_broker_connected\{purpose="publish"\} 0/.test(await metrics.text()),
        'it is measured',
      );
      await server.start();
      await until(() => rabbit.state === 'up', 'it is up again');
    }
    isTelling = false;
    const numbers = await told;
    const total = numbers.reduce((sum, n) => sum + n, 0);
    await until(async () => (await teller.unconfirmed()) === 0 && (await count()) >= total, 'all have taken effect');
    await hearer.checkEffects(Object.fromEntries(keys.map((key, at) => [key, numbers[at] ?? 0])));
    assert.match(await metrics.text(), /stoa_broker_messages_total\{service="hearer",what="consumed"\} \d{3}/);
  });
});
