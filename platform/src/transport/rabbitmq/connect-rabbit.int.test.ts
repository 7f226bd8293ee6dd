// needs: rabbitmq
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Connection } from 'rabbitmq-client';
import { type AppError, findAppError } from '../../errors/index.ts';
import { openLine, type RabbitServer, startRabbitServer } from '../../testing/index.ts';
import { connectRabbit } from '../index.ts';
import { log, until } from './testing/thing-services.ts';

const mailbox = { accept: async () => undefined, bury: async () => undefined, reach: async () => undefined };

describe('connecting with RabbitMQ', () => {
  let server: RabbitServer;
  before(async () => {
    server = await startRabbitServer();
    await server.ctl('add_user', 'clerk', 'se%cret');
    await server.ctl('add_vhost', 'office');
    await server.ctl('set_permissions', '-p', '/', 'clerk', '', '', '');
  });
  after(() => server?.stop());

  const at = (user: string, vhost = '') => `amqp://${user}@127.0.0.1:${server.port}/${vhost}`;
  const connect = (url: string) =>
    connectRabbit({ url, name: 'stoa test', services: ['order'], log, connectMsMax: 1_000 });
  async function refusedAt(url: string): Promise<AppError> {
    const error = await connect(url).then(
      async (rabbit) => void (await rabbit.close()),
      (refused: unknown) => findAppError(refused),
    );
    assert.ok(error, 'it connected');
    assert.ok(!error.message.includes('cret') && !error.message.includes('\n'), error.message);
    return error;
  }

  for (const [what, url, says] of [
    ['a text that is no URL', 'rabbit', /is no URL/],
    ['a URL of something else', 'redis://:se%25cret@localhost', /begins with redis:/],
    ['a URL with a bare %', 'amqp://clerk:se%zcret@localhost', /written as %25/],
  ] as const) {
    it(`is refused with ${what}`, async () => {
      const { code, message } = await refusedAt(url);
      assert.equal(code, 'config.invalid');
      assert.match(message, says);
      assert.match(message, /amqp:\/\/user:password@host/);
    });
  }

  it('is refused with a password that is wrong, and names the user', async () => {
    const { code, message } = await refusedAt(at('clerk:wrong-secret'));
    assert.equal(code, 'config.invalid');
    assert.match(message, /the login of user "clerk" was refused/);
  });

  it('is refused with a virtual host that is not there or not allowed', async () => {
    for (const vhost of ['nowhere', 'office']) {
      const { code, message } = await refusedAt(at('clerk:se%25cret', vhost));
      assert.equal(code, 'config.invalid');
      assert.match(message, new RegExp(`"${vhost}".*set_permissions`));
    }
  });

  it('is refused to a user who may not declare, bind or publish, with the command that lets them', async () => {
    for (const permissions of [
      ['', '.*', '.*'],
      ['.*', '', '.*'],
      ['.*', 'order', '.*'],
      ['.*', '.*', 'nothing'],
    ] as const) {
      await server.ctl('set_permissions', '-p', '/', 'clerk', ...permissions);
      const { code, message } = await refusedAt(at('clerk:se%25cret'));
      assert.equal(code, 'config.invalid');
      assert.match(message, /user "clerk" lacks a permission.*rabbitmqctl set_permissions -p \/ clerk/);
    }
  });

  it('lets a user publish who may not read a queue, and refuses to consume for them', async () => {
    await server.ctl('set_permissions', '-p', '/', 'clerk', '.*', '.*', '^stoa$');
    const rabbit = await connect(at('clerk:se%25cret'));
    try {
      await assert.rejects(rabbit.consume('order', mailbox), { code: 'config.invalid', message: /lacks a permission/ });
    } finally {
      await rabbit.close();
    }
  });

  it('works with the permissions that the hint gives', async () => {
    await server.ctl('set_permissions', '-p', '/', 'clerk', '^stoa', '^stoa', '^stoa');
    const rabbit = await connect(at('clerk:se%25cret'));
    await (await rabbit.consume('order', mailbox)).stop();
    await rabbit.close();
  });

  it('is refused when a queue of ours exists with other properties', async () => {
    await server.ctl('set_permissions', '-p', 'office', 'guest', '.*', '.*', '.*');
    const stranger = new Connection(at('guest:guest', 'office'));
    await stranger.queueDeclare({ queue: 'stoa.order', durable: true });
    const { code, message } = await refusedAt(at('guest:guest', 'office'));
    await stranger.close();
    assert.equal(code, 'config.invalid');
    assert.match(message, /exists with other properties.*'stoa.order'.*Delete it/);
  });

  it('gives up after a while when nobody listens, and when nobody answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const closed = await openLine({ port: 1 });
    await closed.close();
    for (const { port } of [closed, silent.address() as { port: number }]) {
      const { code, message } = await refusedAt(`amqp://guest:secret@127.0.0.1:${port}`);
      assert.equal(code, 'service.unavailable');
      assert.match(
        message,
        /^RabbitMQ at amqp:\/\/127\.0\.0\.1:\d+ cannot be reached \(.+\)\. Start it, or correct its URL\.$/,
      );
    }
    silent.close();
  });

  it('is refused where something else than a broker answers', async () => {
    const { code, message } = await refusedAt(`amqps://guest:secret@127.0.0.1:${server.port}`);
    assert.equal(code, 'config.invalid');
    assert.match(message, /something else than AMQP/);
  });

  it('waits for a broker that is about to start', async () => {
    const line = await openLine({ port: server.port });
    line.cut({ stay: true });
    const connecting = connectRabbit({
      url: `amqp://guest:guest@127.0.0.1:${line.port}`,
      name: 'stoa test',
      services: [],
      log,
    });
    setTimeout(() => line.mend(), 200);
    const rabbit = await connecting;
    assert.equal(rabbit.state, 'up');
    line.cut({ stay: true });
    await until(() => rabbit.state === 'down', 'it is down');
    assert.match(rabbit.reason ?? '', /cannot be reached/);
    line.mend();
    await until(() => rabbit.state === 'up', 'it is up again');
    assert.equal(rabbit.reason, undefined);
    await rabbit.close();
    await line.close();
  });
});
