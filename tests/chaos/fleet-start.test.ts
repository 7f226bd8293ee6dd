// needs: rabbitmq redis consul
// limit: 420 s
// load: half
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newId } from '@stoa/platform/ids';
import { Database } from '@stoa/platform/sql';
import { freePort, type RedisServer, startRedisServer, type TestDatabase, testDatabase } from '@stoa/platform/testing';
import { loadAuthority } from '@stoa/platform/trust';
import pg from 'pg';
import { type RealServers, startRealServers } from '../fleet/real-servers.ts';
import { until } from '../shop.ts';

const exitCodes = { failed: 1, usage: 2, unavailable: 5 };
const main = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url));
/** In every URL that a process is given, and in nothing that it may say. */
const password = 'a-password-nobody-may-read';
/** The longest wait for a part that is not there is 15 s; the rest is for a machine that has other things to do. */
const endMsMax = 60_000;
const messagesWaiting = 25;

interface Start {
  readonly services?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

interface Ending {
  /** Undefined when it had to be killed. */
  readonly code: number | undefined;
  /** What it said, without the log. */
  readonly said: readonly string[];
  readonly output: string;
}

describe('a process of a fleet that cannot start', { concurrency: 3 }, () => {
  let folder: string;
  let servers: RealServers;
  let guarded: RedisServer;
  let database: TestDatabase;
  let newer: TestDatabase;
  let changed: TestDatabase;
  let users: TestDatabase;
  let figures: TestDatabase;
  let taken: Server;
  let takenPort: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stoa-start-'));
    [servers, guarded, database, newer, changed, users, figures] = await Promise.all([
      startRealServers(),
      startRedisServer(['--requirepass', 'the right one']),
      testDatabase('start'),
      testDatabase('start newer'),
      testDatabase('start changed'),
      testDatabase('start users'),
      testDatabase('start figures'),
    ]);
    await servers.rabbit.ctl('add_user', 'reader', password);
    await servers.rabbit.ctl('set_permissions', '-p', '/', 'reader', '^$', '^$', '.*');
    await servers.redis.send(`ACL SETUSER reader on >${password} ~stoa:* +get +ping +info +client +select`);
    taken = createServer((_, response) => response.end('"hello"'));
    takenPort = await new Promise((resolve) =>
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as AddressInfo).port)),
    );
    await writeCertificates(join(folder, 'other'), { service: 'order' });
    await writeCertificates(join(folder, 'expired'), { service: 'payment', notAfterMs: Date.now() - 60_000 });
    await writeCertificates(join(folder, 'expired user'), { service: 'user', notAfterMs: Date.now() - 60_000 });
    await writeCertificates(join(folder, 'stranger'), { service: 'payment', signedBy: 'stranger' });
  });
  after(async () => {
    taken?.close();
    const databases = [database, newer, changed, users, figures];
    await Promise.all([servers?.stop(), guarded?.stop(), ...databases.map((each) => each?.drop())]);
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts payment, on servers that are all in order but for what the test changes. */
  function start(
    { services = ['payment'], environment = {} }: Start,
    hear: () => Promise<void> | void = () => undefined,
  ): Promise<Ending> {
    const child = spawn(process.execPath, ['--disable-warning=DeprecationWarning', main, 'up', ...services], {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: join(tmpdir(), 'stoa-test-compiled'),
        STOA_DATA_DIR: folder,
        STOA_METRICS_PORT: '0',
        STOA_PAYMENT_PORT: '0',
        STOA_PAYMENT_DATABASE_URL: database.url,
        STOA_SERVICE_SECRET: 'thirty-two-characters-and-a-few-more',
        ...servers.environment,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    let heard = Promise.resolve();
    child.once('message', () => {
      heard = (async () => hear())().finally(() => child.kill('SIGTERM'));
      heard.catch(() => undefined);
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), endMsMax);
    return new Promise((resolve, reject) =>
      child.once('close', (code) => {
        clearTimeout(timer);
        const said = output.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
        heard.then(() => resolve({ code: code ?? undefined, said, output }), reject);
      }),
    );
  }

  /** It has to end by itself, with the right code and one line that has these words and no secret. */
  function refuses(what: string, words: RegExp, given: () => Start | Promise<Start>): void {
    it(what, async () => {
      const { code, said, output } = await start(await given());
      assert.notEqual(code, undefined, `it did not end by itself:\n${output}`);
      assert.equal(code, codeFor(said[0] ?? ''), output);
      assert.equal(said.length, 1, output);
      assert.match(said[0] ?? '', words);
      assert.ok(!output.includes(password), output);
    });
  }
  const codeFor = (line: string) => {
    if (/no service called|is named twice/.test(line)) return exitCodes.usage;
    return /cannot be reached/.test(line) ? exitCodes.unavailable : exitCodes.failed;
  };
  const told = (environment: Readonly<Record<string, string>>) => ({ environment });
  const changedUrl = (url: string, change: (url: URL) => void) => {
    const parsed = new URL(url);
    change(parsed);
    return parsed.href;
  };

  it('is no other than one that starts where all is in order', async () => {
    let isReady = false;
    const { code, said, output } = await start({}, () => {
      isReady = true;
    });
    assert.deepEqual({ isReady, code, said }, { isReady: true, code: 0, said: [] }, output);
    assert.doesNotMatch(output, /"level":"(warn|error)"/);
  });

  describe('for what it is told to host', { concurrency: 3 }, () => {
    refuses('a service that there is not', /no service called basket\. There are gateway, user/, () => ({
      services: ['payment', 'basket'],
    }));
    refuses('two services with one name', /payment is named twice: name each service once/, () => ({
      services: ['payment', 'payment'],
    }));
    refuses('a port that another program has', /Port \d+ of 127\.0\.0\.1 is taken: end the program .* another/, () =>
      told({ STOA_PAYMENT_PORT: String(takenPort) }),
    );
    refuses('a port of the gateway that another program has', /\b\d+\b.*taken/, () => ({
      services: ['gateway'],
      environment: { PORT: String(takenPort), STOA_HOST: '127.0.0.1' },
    }));
    refuses(
      'a port of the metrics that another program has',
      /STOA_METRICS_PORT: cannot listen on .*\d+: choose another/,
      () => told({ STOA_METRICS_PORT: String(takenPort) }),
    );
    refuses('a port that is none', /STOA_PAYMENT_PORT: must be .*got "many"/, () =>
      told({ STOA_PAYMENT_PORT: 'many' }),
    );
  });

  describe('for its neighbours', { concurrency: 3 }, () => {
    refuses('a discovery that there is not', /STOA_DISCOVERY.*static.*dns.*consul/, () =>
      told({ STOA_DISCOVERY: 'nonsense' }),
    );
    refuses('a list of services that is none', /STOA_DISCOVERY: "oder=http.*Services are gateway, user/, () =>
      told({ STOA_DISCOVERY: 'static:oder=http://127.0.0.1:4003' }),
    );
    refuses('a URL of a service that is none', /STOA_ORDER_URL: must be URLs without a path/, () =>
      told({ STOA_DISCOVERY: 'static:order=127.0.0.1' }),
    );
    refuses('DNS without a domain', /STOA_DNS_DOMAIN: must be given/, () => told({ STOA_DISCOVERY: 'dns' }));
    refuses('a URL of Consul that is none', /STOA_CONSUL_URL: must be/, () =>
      told({ STOA_DISCOVERY: 'consul:nowhere' }),
    );
    refuses(
      'a Consul that is not there',
      /STOA_CONSUL_URL: Consul at .* cannot be reached .*start it, or correct/,
      () => told({ STOA_DISCOVERY: 'consul:http://127.0.0.1:1' }),
    );
    refuses('something else than Consul', /STOA_CONSUL_URL: what answers there is not Consul/, () =>
      told({ STOA_DISCOVERY: `consul:http://127.0.0.1:${takenPort}` }),
    );
    refuses(
      'an address that Consul has another service at',
      /Consul has stoa-order at .*: give each service its own/,
      async () => {
        const port = await freePort();
        const order = { ID: 'another', Name: 'stoa-order', Address: '127.0.0.1', Port: port };
        await servers.consul.ask('/v1/agent/service/register', 'PUT', order);
        return told({ STOA_PAYMENT_PORT: String(port) });
      },
    );
    refuses('no secret and no certificate', /set STOA_TLS_DIR .* or STOA_SERVICE_SECRET/, () =>
      told({ STOA_SERVICE_SECRET: '' }),
    );
    refuses('a secret that is too short', /STOA_SERVICE_SECRET: must be a secret of 32 characters/, () =>
      told({ STOA_SERVICE_SECRET: 'short' }),
    );
    refuses('no certificates where they should be', /STOA_TLS_DIR: .*nowhere holds no ca\.pem.* stoa certs/, () =>
      told({ STOA_TLS_DIR: join(folder, 'nowhere') }),
    );
    refuses("another service's certificate", /STOA_TLS_DIR: .*payment/, () =>
      told({ STOA_TLS_DIR: join(folder, 'other') }),
    );
    refuses('a certificate that has ended', /STOA_TLS_DIR: .*ended/, () =>
      told({ STOA_TLS_DIR: join(folder, 'expired') }),
    );
    refuses('a certificate of an authority that it does not trust', /STOA_TLS_DIR: .*ca\.pem/, () =>
      told({ STOA_TLS_DIR: join(folder, 'stranger') }),
    );
  });

  describe('for its database', { concurrency: 3 }, () => {
    const at = (url: string) => told({ STOA_PAYMENT_DATABASE_URL: url });
    refuses('none', /STOA_PAYMENT_DATABASE_URL is missing/, () => at(''));
    refuses('a URL that is none', /STOA_PAYMENT_DATABASE_URL has to be a URL like postgres:/, () =>
      at(`mysql://stoa:${password}@127.0.0.1/payment`),
    );
    refuses('a server that is not there', /PostgreSQL at 127\.0\.0\.1:1\/payment .* cannot be reached.*Start it/, () =>
      at(`postgres://stoa:${password}@127.0.0.1:1/payment`),
    );
    refuses('a wrong password', /PostgreSQL at .*STOA_PAYMENT_DATABASE_URL.* refuses/, () =>
      at(
        changedUrl(database.url, (url) => {
          url.password = password;
        }),
      ),
    );
    refuses('a database that there is not', /has no such database\. Create it/, () =>
      at(
        changedUrl(database.url, (url) => {
          url.pathname = '/there_is_none';
        }),
      ),
    );
    refuses('a schema that needs a newer program', /schema of payment .* knows 1000 migrations.*Start the newer/, () =>
      withMigrations(newer, "insert into kit.schema_reader values ('payment', 1000)"),
    );
    refuses('a migration that was changed after it was applied', /Migration 0001-.* of kit was changed/, () =>
      withMigrations(changed, "insert into kit.migration (scope, name, checksum) select 'kit', '0001-kit', 'another'"),
    );
  });

  describe('for its broker', { concurrency: 3 }, () => {
    const at = (url: string) => told({ STOA_TRANSPORT: url });
    const as = (user: string, word: string, path = '/') =>
      at(
        changedUrl(servers.rabbit.url, (url) => {
          [url.username, url.password, url.pathname] = [user, word, path];
        }),
      );
    refuses('a URL that is none', /amqp:\/\/user:password@host:5672/, () => at('rabbitmq'));
    refuses("another server's URL", /amqp:\/\/user:password@host:5672/, () => at(`http://stoa:${password}@127.0.0.1`));
    refuses('a server that is not there', /RabbitMQ at amqp:\/\/127\.0\.0\.1:1 cannot be reached.*Start it/, () =>
      at(`amqp://stoa:${password}@127.0.0.1:1/`),
    );
    refuses('something else than RabbitMQ', /RabbitMQ at .*(Check host and port|cannot be reached)/, () =>
      at(`amqp://stoa:${password}@127.0.0.1:${takenPort}/`),
    );
    refuses('a wrong password', /login of user "guest" was refused/, () => as('guest', password));
    refuses('a virtual host that there is not', /"shop".*Create it/, () => as('guest', 'guest', '/shop'));
    refuses('a user without the permission', /"reader" lacks a permission .*set_permissions/, () =>
      as('reader', password),
    );
  });

  describe('for Redis', { concurrency: 3 }, () => {
    const at = (url: string) => told({ STOA_REDIS_URL: url });
    refuses('a URL that is none', /STOA_REDIS_URL.*must be/, () => at(`http://stoa:${password}@127.0.0.1`));
    refuses('a server that is not there', /Redis at 127\.0\.0\.1:1 .*cannot be reached.*Start it/, () =>
      at(`redis://stoa:${password}@127.0.0.1:1`),
    );
    refuses('a wrong password', /refuses the name or password .*Put the right ones/, () =>
      at(`redis://:${password}@127.0.0.1:${guarded.port}`),
    );
    refuses('a user without the permission', /does not let this user do what is needed .*Allow/, () =>
      at(`redis://reader:${password}@127.0.0.1:${servers.redis.port}`),
    );
  });

  it('loses no message that waited: once the start is mended, each is delivered and counts once', async () => {
    const sender = { services: ['user'], environment: { STOA_USER_PORT: '0', STOA_USER_DATABASE_URL: users.url } };
    const hearer = {
      services: ['analytics'],
      environment: { STOA_ANALYTICS_PORT: '0', STOA_ANALYTICS_DATABASE_URL: figures.url },
    };
    // Both make their schemas and queues; then messages wait for a sender that does not come up.
    for (const each of [hearer, sender]) assert.equal((await start(each)).code, 0);
    const outbox = new Database({ url: users.url, name: 'outbox', connectionsMax: 1 });
    const heard = new Database({ url: figures.url, name: 'heard', connectionsMax: 1 });
    try {
      const ids = Array.from({ length: messagesWaiting }, () => newId());
      for (const id of ids) await putInOutbox(outbox, id);
      const waiting = () =>
        outbox.query<{ id: string }>(`select id from kit.outbox where subscriber = 'analytics'`, []);
      const reader = changedUrl(servers.rabbit.url, (url) => {
        [url.username, url.password] = ['reader', password];
      });
      const wrongs = {
        STOA_TRANSPORT: [`amqp://stoa:${password}@127.0.0.1:1/`, reader],
        STOA_TLS_DIR: [join(folder, 'expired user')],
      };
      for (const [setting, values] of Object.entries(wrongs))
        for (const value of values) {
          const { code, said, output } = await start({
            ...sender,
            environment: { ...sender.environment, [setting]: value },
          });
          assert.ok(code === exitCodes.failed || code === exitCodes.unavailable, output);
          assert.equal(said.length, 1, output);
          assert.equal((await waiting()).length, messagesWaiting, 'they wait as before');
        }
      const emptied = await start(sender, async () => {
        await until(waiting, (left) => left.length === 0);
      });
      assert.equal(emptied.code, 0, emptied.output);
      // The queue has them all now. Who cannot listen loses none (it seldom lives to take one); whoever hears them counts each once, and has none left that is still to come.
      const deaf = await start({
        ...hearer,
        environment: { ...hearer.environment, STOA_ANALYTICS_PORT: String(takenPort) },
      });
      assert.equal(deaf.code, exitCodes.failed, deaf.output);
      assert.equal(deaf.said.length, 1, deaf.output);
      // RabbitMQ counts what is in a queue every few seconds.
      await until(queued, (left) => left === messagesWaiting);
      const counted = () =>
        heard.query<{ id: string }>(
          `select payload->>'userId' as id from heard where type = 'user.registered.v1' and payload->>'userId' = any($1)`,
          [ids],
        );
      const ended = await start(hearer, async () => {
        await until(counted, (found) => found.length >= messagesWaiting);
        await until(queued, (left) => left === 0);
      });
      assert.equal(ended.code, 0, ended.output);
      assert.deepEqual((await counted()).map(({ id }) => id).sort(), [...ids].sort());
      assert.deepEqual(await heard.query('select id from kit.inbox', []), []);
    } finally {
      await Promise.all([outbox.close(), heard.close()]);
    }
  });

  async function queued(): Promise<number> {
    const listed = await servers.rabbit.ctl('list_queues', 'name', 'messages');
    const line = String(listed)
      .split('\n')
      .find((each) => each.startsWith('stoa.analytics\t'));
    assert.ok(line, listed);
    return Number(line.split('\t')[1]);
  }

  /** A database in which something else has been before. */
  async function withMigrations({ url }: TestDatabase, statement: string): Promise<Start> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(`create schema kit;
        create table kit.migration (scope text not null, name text not null, checksum text not null,
          applied_at timestamptz not null default now(), primary key (scope, name));
        create table kit.schema_reader (scope text primary key, minimum_reader int not null);
        ${statement}`);
    } finally {
      await client.end();
    }
    return told({ STOA_PAYMENT_DATABASE_URL: url });
  }
});

/** A message about a new customer, as the user service leaves it to be sent. */
async function putInOutbox(outbox: Database, userId: string): Promise<void> {
  const at = new Date().toISOString();
  const payload = { userId, role: 'customer', registeredAt: at };
  await outbox.query(
    `insert into kit.outbox (id, subscriber, type, key, body) values ($1, 'analytics', 'user.registered.v1', $2, $3)`,
    [newId(), userId, JSON.stringify({ payload, occurredAt: at, cause: { correlationId: userId } })],
  );
}

interface Certificates {
  readonly service: string;
  readonly notAfterMs?: number;
  /** Whether the authority beside the certificate is the one that signed it. */
  readonly signedBy?: 'authority' | 'stranger';
}

async function writeCertificates(
  folder: string,
  { service, notAfterMs = Date.now() + hourMs, signedBy = 'authority' }: Certificates,
): Promise<void> {
  const { createAuthority, issueCertificate } = await loadAuthority();
  const notBefore = new Date(Date.now() - hourMs);
  const validity = { notBefore, notAfter: new Date(Date.now() + hourMs) };
  const authority = await createAuthority({ name: 'Test authority', ...validity });
  const signer = signedBy === 'authority' ? authority : await createAuthority({ name: 'A stranger', ...validity });
  const names = [service];
  const own = await issueCertificate({ authority: signer, names, notBefore, notAfter: new Date(notAfterMs) });
  await mkdir(folder);
  await writeFile(join(folder, 'ca.pem'), authority.certificate);
  await writeFile(join(folder, 'cert.pem'), own.certificate);
  await writeFile(join(folder, 'key.pem'), own.key);
}

const hourMs = 3_600_000;
