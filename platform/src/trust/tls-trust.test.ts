import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { buildConnector, Pool } from 'undici';
import { findAppError } from '../errors/index.ts';
import { createLog } from '../telemetry/index.ts';
import { type Clock, systemClock } from '../time/index.ts';
import type { KeyPair } from './authority.ts';
import { type Connector, openTrust, type Trust } from './index.ts';
import {
  credentialsOf,
  type Folders,
  longGone,
  mount,
  newAuthority,
  notYet,
  put,
  temporaryFolders,
  validFor,
} from './testing/certificates.ts';

type Files = Awaited<ReturnType<typeof credentialsOf>>;

const pollMs = 20;
const closing: (() => Promise<unknown> | unknown)[] = [];
let folders: Folders;
let authority: KeyPair;

before(async () => {
  folders = await temporaryFolders();
  authority = await newAuthority();
});
after(async () => {
  for (let close = closing.pop(); close; close = closing.pop()) await close();
  await folders.remove();
});

interface Process {
  readonly trust: Trust;
  readonly folder: string;
  readonly told: string[];
}

async function processOf(
  hosted: readonly string[],
  {
    files,
    clock = systemClock,
    requireClientCertificate = true,
  }: { files?: Files; clock?: Clock; requireClientCertificate?: boolean } = {},
): Promise<Process> {
  const folder = await folders.folder(files ?? (await credentialsOf(authority, [...hosted, 'localhost', '127.0.0.1'])));
  const told: string[] = [];
  const destination = { write: (line: string) => void told.push((JSON.parse(line) as { message: string }).message) };
  const log = createLog({ service: 'test', level: 'info', destination });
  const settings = { STOA_TLS_DIR: folder, STOA_SERVICE_SECRET: [] };
  const trust = await openTrust(settings, { hosted, log, clock, pollMs, graceMs: 50, requireClientCertificate });
  closing.push(() => trust.close());
  return { trust, folder, told };
}

/** A server that answers with the caller it found out, or 401. */
async function serve({ trust }: Process): Promise<string> {
  assert.ok(trust.server);
  const server = createServer({ keepAliveTimeout: 60_000, ...trust.server.options() }, (request, response) => {
    try {
      response.end(trust.callerOf(request) ?? 'nobody');
    } catch (error) {
      response.writeHead(findAppError(error)?.code === 'auth.invalid' ? 401 : 500).end();
    }
  });
  trust.server.onRenewed((options) => server.setSecureContext(options));
  server.on('secureConnection', trust.server.letIn);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function poolTo(url: string, connect: Connector | undefined, connections = 1): Pool {
  assert.ok(connect);
  const pool = new Pool(url, { connect, connections, keepAliveTimeout: 60_000 });
  closing.push(() => pool.destroy());
  return pool;
}

async function ask(pool: Pool, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const { statusCode, body } = await pool.request({ method: 'GET', path: '/', headers });
  const text = await body.text();
  return statusCode === 200 ? text : String(statusCode);
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = 500; !(await holds()); left--) {
    assert.ok(left > 0, 'it did not come about');
    await sleep(10);
  }
}

/** A client that checks nobody and shows this certificate. */
function careless(files?: Files): Connector {
  const shown = files ? { cert: files['cert.pem'], key: files['key.pem'] } : {};
  return buildConnector({ ...shown, rejectUnauthorized: false, allowH2: false });
}

/** The serial number of the certificate that a server shows. */
async function serialOf(url: string, files: Files): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket: TLSSocket = connectTls({
    host: hostname,
    port: Number(port),
    servername: 'order',
    ca: files['ca.pem'],
    cert: files['cert.pem'],
    key: files['key.pem'],
  });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

describe('mutual TLS', () => {
  it('proves who calls', async () => {
    const url = await serve(await processOf(['order']));
    const { trust } = await processOf(['user', 'gateway']);
    const pool = poolTo(url, trust.connectFor('order'));
    assert.equal(trust.protocol, 'https:');
    assert.equal(await ask(pool, trust.proof('gateway')), 'gateway');
    assert.equal(await ask(pool, trust.proof('user')), 'user');
    assert.equal(await ask(pool), 'nobody');
  });

  it('refuses a name that is not in the certificate of the caller', async () => {
    const url = await serve(await processOf(['order']));
    const { trust } = await processOf(['user']);
    const pool = poolTo(url, trust.connectFor('order'));
    for (const name of [
      'gateway',
      'order',
      'users',
      'use',
      '*',
      '.user',
      '127.0.0.1',
      '',
      'user, user',
      'user.1.x',
      'CN=user',
    ])
      assert.equal(await ask(pool, { 'x-stoa-service': name }), '401', name);
    assert.equal(await ask(pool, { 'x-stoa-service': 'user' }), 'user');
  });

  it('makes no proof for a service that our certificate does not name', async () => {
    const { trust } = await processOf(['user']);
    assert.throws(
      () => trust.proof('order'),
      (error) => findAppError(error)?.code === 'config.invalid',
    );
  });

  it('refuses callers without a certificate that is good', async () => {
    const url = await serve(await processOf(['order']));
    const cases: Record<string, Files | undefined> = {
      none: undefined,
      'of another authority': await credentialsOf(await newAuthority(), ['user']),
      expired: await credentialsOf(authority, ['user'], longGone),
      'not good yet': await credentialsOf(authority, ['user'], notYet),
      'for servers only': await credentialsOf(authority, ['user'], { purposes: ['server'] }),
    };
    for (const [name, files] of Object.entries(cases))
      await assert.rejects(ask(poolTo(url, careless(files)), { 'x-stoa-service': 'user' }), name);
    const good = await credentialsOf(authority, ['user']);
    assert.equal(await ask(poolTo(url, careless(good)), { 'x-stoa-service': 'user' }), 'user');
  });

  it('lets others in where that is wanted, and still believes none of them', async () => {
    const url = await serve(await processOf(['order'], { requireClientCertificate: false }));
    for (const files of [undefined, await credentialsOf(await newAuthority(), ['user'])]) {
      const pool = poolTo(url, careless(files));
      assert.equal(await ask(pool), 'nobody');
      assert.equal(await ask(pool, { 'x-stoa-service': 'user' }), '401');
    }
  });

  it('asks a server for the certificate of the service that is meant', async () => {
    const { trust } = await processOf(['user']);
    const refused = async (url: string) => assert.rejects(ask(poolTo(url, trust.connectFor('order'))));
    await refused(await serve(await processOf(['payment'])));
    await refused(
      await serve(await processOf(['order'], { files: await credentialsOf(await newAuthority(), ['order']) })),
    );
    // At an address that the certificate does not name: what counts is the service.
    const elsewhere = await serve(await processOf(['order'], { files: await credentialsOf(authority, ['order']) }));
    assert.equal(await ask(poolTo(elsewhere, trust.connectFor('order'))), 'nobody');
    await assert.rejects(ask(poolTo(elsewhere, trust.connect)));
    assert.equal(await ask(poolTo(await serve(await processOf(['order'])), trust.connect)), 'nobody');
  });

  it('is not to be had with TLS of old', async () => {
    const url = await serve(await processOf(['order']));
    const { 'cert.pem': cert, 'key.pem': key } = await credentialsOf(authority, ['user']);
    const old = buildConnector({ cert, key, rejectUnauthorized: false, allowH2: false, maxVersion: 'TLSv1.2' });
    await assert.rejects(ask(poolTo(url, old)));
  });
});

describe('certificates that change', () => {
  it('are used for new connections while requests go on, and none of these fails', async () => {
    const order = await processOf(['order']);
    const user = await processOf(['user']);
    const url = await serve(order);
    const kept = poolTo(url, user.trust.connectFor('order'), 4);
    let isOver = false;
    let asked = 0;
    const load = Array.from({ length: 4 }, async () => {
      for (; !isOver; asked++) {
        assert.equal(await ask(kept, user.trust.proof('user')), 'user');
        // And one that connects each time.
        const fresh = poolTo(url, user.trust.connectFor('order'));
        assert.equal(await ask(fresh, user.trust.proof('user')), 'user');
        await fresh.close();
      }
    });
    for (let round = 0; round < 5; round++) {
      const files = await credentialsOf(authority, ['order', 'localhost']);
      const before = await serialOf(url, files);
      const seen = asked;
      await put(order.folder, files);
      await put(user.folder, await credentialsOf(authority, ['user']));
      await until(async () => (await serialOf(url, files).catch(() => before)) !== before);
      await until(() => asked > seen);
    }
    isOver = true;
    await Promise.all(load);
    assert.ok(asked >= 5);
    for (const { told } of [order, user]) assert.ok(told.includes('certificate renewed'), told.join('\n'));
  });

  it('are taken up where Kubernetes swaps a mounted secret', async () => {
    const folder = await folders.folder({});
    await mount(folder, '..v1', await credentialsOf(authority, ['order', '127.0.0.1']));
    const trust = await openTrust(
      { STOA_TLS_DIR: folder, STOA_SERVICE_SECRET: [] },
      { hosted: ['order'], log: createLog({ service: 'test', level: 'silent' }), pollMs },
    );
    closing.push(() => trust.close());
    const first = trust.server?.options().cert;
    const next = await credentialsOf(authority, ['order', '127.0.0.1']);
    await mount(folder, '..v2', next);
    await until(() => trust.server?.options().cert !== first);
    assert.equal(trust.server?.options().cert, next['cert.pem']);
  });

  it('leave the last good ones in use when they do not fit together, which is told once', async () => {
    const order = await processOf(['order']);
    const url = await serve(order);
    const { trust } = await processOf(['user']);
    const works = async () =>
      assert.equal(await ask(poolTo(url, trust.connectFor('order')), trust.proof('user')), 'user');
    const good = order.trust.server?.options().cert;
    const next = await credentialsOf(authority, ['order', '127.0.0.1']);
    const bad: Readonly<Record<string, string>>[] = [
      { 'cert.pem': next['cert.pem'].slice(0, 300) },
      { 'cert.pem': next['cert.pem'] },
      { 'key.pem': '' },
      { ...(await credentialsOf(authority, ['payment'])) },
      { ...(await credentialsOf(authority, ['order'], longGone)) },
    ];
    for (const files of bad) {
      await put(order.folder, files);
      await until(() => order.trust.certificate?.concern() !== undefined);
      await sleep(5 * pollMs);
      assert.equal(order.told.length, 1, order.told.join('\n'));
      assert.match(order.told.pop() as string, /^The new files are not used/);
      assert.equal(order.trust.server?.options().cert, good);
      await works();
      await put(order.folder, {
        'ca.pem': authority.certificate,
        'cert.pem': good as string,
        'key.pem': order.trust.server?.options().key as string,
      });
      await until(() => order.trust.certificate?.concern() === undefined);
    }
    await put(order.folder, next);
    await until(() => order.trust.server?.options().cert === next['cert.pem']);
    await works();
    assert.deepEqual(order.told, ['certificate renewed']);
  });

  it('may be those of another authority once all trust both', async () => {
    const order = await processOf(['order']);
    const user = await processOf(['user']);
    const url = await serve(order);
    const works = async () =>
      assert.equal(await ask(poolTo(url, user.trust.connectFor('order')), user.trust.proof('user')), 'user');
    const next = await newAuthority();
    const members = [
      { ...order, files: await credentialsOf(next, ['order']) },
      { ...user, files: await credentialsOf(next, ['user']) },
    ];
    const both = authority.certificate + next.certificate;
    for (const { folder, trust } of members) {
      await put(folder, { 'ca.pem': both });
      await until(() => trust.server?.options().ca === both);
      await works();
    }
    for (const { folder, trust, files } of members) {
      await put(folder, { ...files, 'ca.pem': both });
      await until(() => trust.server?.options().cert === files['cert.pem']);
      await works();
    }
    for (const { folder, trust } of members) {
      await put(folder, { 'ca.pem': next.certificate });
      await until(() => trust.server?.options().ca === next.certificate);
      await works();
    }
    const left = await credentialsOf(authority, ['user']);
    await assert.rejects(ask(poolTo(url, careless(left))));
  });

  it('end what an authority has let in, a while after it is trusted no more; what others have let in goes on', async () => {
    const other = await newAuthority();
    const both = authority.certificate + other.certificate;
    const order = await processOf(['order'], { files: { ...(await credentialsOf(other, ['order'])), 'ca.pem': both } });
    const url = await serve(order);
    const user = await processOf(['user'], {
      files: { ...(await credentialsOf(authority, ['user'])), 'ca.pem': both },
    });
    const cart = await processOf(['cart'], { files: { ...(await credentialsOf(other, ['cart'])), 'ca.pem': both } });
    const old = poolTo(url, user.trust.connectFor('order'));
    const kept = poolTo(url, cart.trust.connectFor('order'));
    let ended = 0;
    let keptEnded = 0;
    old.on('disconnect', () => ended++);
    kept.on('disconnect', () => keptEnded++);
    assert.equal(await ask(old, user.trust.proof('user')), 'user');
    assert.equal(await ask(kept, cart.trust.proof('cart')), 'cart');
    // The server trusts the client's authority no more.
    await put(order.folder, { 'ca.pem': other.certificate });
    await until(() => ended === 1);
    await assert.rejects(ask(old, user.trust.proof('user')));
    // The client trusts the server's authority no more.
    await put(cart.folder, { ...(await credentialsOf(authority, ['cart'])), 'ca.pem': authority.certificate });
    assert.equal(keptEnded, 0);
    await until(() => keptEnded === 1);
    await assert.rejects(ask(kept, cart.trust.proof('cart')));
  });

  it('are asked for even where the environment says that none is needed', async () => {
    const other = await newAuthority();
    const files = { ...(await credentialsOf(other, ['order'])), 'ca.pem': other.certificate + authority.certificate };
    const url = await serve(await processOf(['order'], { files }));
    const { trust } = await processOf(['user']);
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      await assert.rejects(ask(poolTo(url, trust.connectFor('order'))));
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  it('are told about when they are about to end and when they have', async () => {
    let aheadMs = 0;
    const clock: Clock = { nowMs: () => Date.now() + aheadMs, now: () => new Date(Date.now() + aheadMs).toISOString() };
    const { trust, told, folder } = await processOf(['order'], {
      clock,
      files: await credentialsOf(authority, ['order'], validFor(30)),
    });
    assert.equal(trust.certificate?.concern(), undefined);
    aheadMs = 24 * 86_400_000;
    await until(() => told.length > 0);
    assert.match(told.pop() as string, /ends at .*: put a new one there/);
    aheadMs = 31 * 86_400_000;
    await until(() => told.length > 0);
    assert.match(told.pop() as string, /ended at .*: nobody will talk to this process/);
    await put(folder, await credentialsOf(authority, ['order'], validFor(90)));
    await until(() => trust.certificate?.concern() === undefined);
    assert.deepEqual(told, ['certificate renewed']);
  });
});
