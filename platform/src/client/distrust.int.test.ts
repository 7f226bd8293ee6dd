import { deepEqual, equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { readSettings } from '../config/index.ts';
import { createDiscovery, discoverySettings } from '../discovery/index.ts';
import { findAppError } from '../errors/index.ts';
import { openServer } from '../http/open-server.ts';
import { anyone, contract, nobodyWaits, operation } from '../schema/index.ts';
import { openTrust, trustSettings } from '../trust/index.ts';
import { credentialsOf, type Folders, newAuthority, temporaryFolders } from '../trust/testing/certificates.ts';
import { createClients } from './index.ts';

const teaContract = contract({
  service: 'tea',
  operations: {
    pour: operation({ method: 'POST', path: '/pour', summary: 'Pour', access: anyone }),
    clear: operation({ method: 'POST', path: '/clear', summary: 'Clear', access: anyone }),
  },
  events: {},
  commands: {},
  errors: {},
});

describe('two processes of which one does not accept the other', () => {
  let folders: Folders;
  const closing: (() => unknown)[] = [];
  before(async () => {
    folders = await temporaryFolders();
  });
  after(async () => {
    for (const close of closing.reverse()) await close();
    await folders.remove();
  });

  /** Calls two operations of a service at this URL: how that ended, and what the log said. */
  async function call(url: string, environment: Readonly<Record<string, string>>) {
    const lines: { msg: string; callee: string; reason: string }[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line)) });
    const all = { ...environment, STOA_TEA_URL: url };
    const settings = readSettings(all, { ...discoverySettings, ...trustSettings });
    const discovery = await createDiscovery(settings, { log, environment: all, defaultUrl: () => url });
    const trust = await openTrust(settings, { hosted: ['order'], log });
    const clients = createClients({ caller: 'order', local: new Map(), remote: { discovery, trust }, log });
    closing.push(
      () => trust.close(),
      () => discovery.close(),
      () => clients.close(),
    );
    const tea = clients.client(teaContract);
    const asker = { cause: { correlationId: 'c1' }, deadlineMs: nobodyWaits };
    const codes = await Promise.all(
      [tea.pour({}, asker), tea.clear({}, asker)].map((answer) =>
        answer.then(
          () => 'answered',
          (error) => findAppError(error)?.code,
        ),
      ),
    );
    return { codes, told: lines.filter(({ msg }) => /do not accept each other/.test(msg)) };
  }

  async function listen(server: ReturnType<typeof createPlainServer>): Promise<number> {
    closing.push(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  }

  const certificates = async (ours: string, theirs: string) => {
    const named = new Map(await Promise.all(['a', 'b'].map(async (name) => [name, await newAuthority(name)] as const)));
    const of = (name: string) => named.get(name) as Awaited<ReturnType<typeof newAuthority>>;
    const own = await credentialsOf(of(ours), ['order', 'localhost', '127.0.0.1']);
    const files = await credentialsOf(of(theirs), ['tea', 'localhost', '127.0.0.1']);
    const server = createServer(
      {
        cert: files['cert.pem'],
        key: files['key.pem'],
        ca: of(ours).certificate,
        requestCert: true,
        rejectUnauthorized: true,
      },
      (_, response) => response.writeHead(204).end(),
    );
    const port = await listen(server);
    return call(`https://127.0.0.1:${port}`, { STOA_TLS_DIR: await folders.folder(own) });
  };

  test('is told of once, with what to compare, when this one refuses the certificate of the other', async () => {
    const { codes, told } = await certificates('a', 'b');
    deepEqual(codes, ['service.unavailable', 'service.unavailable']);
    equal(told.length, 1);
    match(told[0]?.reason ?? '', /SIGNATURE|SELF_SIGNED|ISSUER/);
    match(told[0]?.msg ?? '', /certificates of both/);
    equal(told[0]?.callee, 'tea');
  });

  test('and by the other, when that refuses ours: this one sees no more than a connection that ends', async () => {
    const [ours, theirs] = [await newAuthority('ours'), await newAuthority('theirs')];
    const own = await credentialsOf(ours, ['order', 'localhost', '127.0.0.1']);
    const folder = await folders.folder({ ...own, 'ca.pem': `${ours.certificate}${theirs.certificate}` });
    const tea = await folders.folder(await credentialsOf(theirs, ['tea', 'localhost', '127.0.0.1']));
    const told: { msg: string; reason: string }[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => void told.push(JSON.parse(line)) });
    const { server: tls, close } = await openTrust(readSettings({ STOA_TLS_DIR: tea }, trustSettings), {
      hosted: ['tea'],
      log,
    });
    const server = await openServer({ host: '127.0.0.1', port: 0, log, ...(tls && { tls }) }, (_, response) =>
      response.writeHead(204).end(),
    );
    closing.push(close, () => server.close());
    const { codes } = await call(server.url, { STOA_TLS_DIR: folder });
    deepEqual(codes, ['service.unavailable', 'service.unavailable']);
    equal(told.length, 1);
    match(told[0]?.msg ?? '', /certificate is not accepted/);
  });

  test('and when it does not know the secret', async () => {
    const strict = createPlainServer((_, response) => response.writeHead(401, { 'x-stoa-unproven': '1' }).end('{}'));
    const port = await listen(strict);
    const { codes, told } = await call(`http://127.0.0.1:${port}`, {
      STOA_SERVICE_SECRET: 'a secret that only tests need to know',
    });
    deepEqual(codes, ['service.bad-gateway', 'service.bad-gateway']);
    equal(told.length, 1);
  });

  test('nothing of it is said of those that do', async () => {
    const { codes, told } = await certificates('a', 'a');
    deepEqual([codes, told], [['answered', 'answered'], []]);
  });
});
