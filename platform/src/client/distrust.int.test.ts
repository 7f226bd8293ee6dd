import { deepEqual, equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { readSettings } from '../config/index.ts';
import { createDiscovery, discoverySettings } from '../discovery/index.ts';
import { findAppError } from '../errors/index.ts';
import { anyone, contract, nobodyWaits, operation } from '../schema/index.ts';
import { loadAuthority, openTrust, trustSettings } from '../trust/index.ts';
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
  let folder: string;
  const closing: (() => unknown)[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stoa-distrust-'));
  });
  after(async () => {
    for (const close of closing.reverse()) await close();
    await rm(folder, { recursive: true });
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

  /** Calls a service that shows a certificate of the same authority, or of another. */
  const certificates = async (whose: 'the same' | 'another') => {
    const { createAuthority, issueCertificate } = await loadAuthority();
    const validity = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 90 * 86_400_000) };
    const ours = await createAuthority({ name: 'Ours', ...validity });
    const theirs = whose === 'another' ? await createAuthority({ name: 'Theirs', ...validity }) : ours;
    const names = ['localhost', '127.0.0.1'];
    const own = await issueCertificate({ authority: ours, names: ['order', ...names], ...validity });
    const shown = await issueCertificate({ authority: theirs, names: ['tea', ...names], ...validity });
    for (const [name, text] of Object.entries({ ca: ours.certificate, cert: own.certificate, key: own.key }))
      await writeFile(join(folder, `${name}.pem`), text);
    const options = { cert: shown.certificate, key: shown.key, ca: ours.certificate, requestCert: true };
    const server = createServer(options, (_, response) => response.writeHead(204).end());
    return call(`https://127.0.0.1:${await listen(server)}`, { STOA_TLS_DIR: folder });
  };

  test('is told of once, with what to compare, when this one refuses the certificate of the other', async () => {
    const { codes, told } = await certificates('another');
    deepEqual(codes, ['service.unavailable', 'service.unavailable']);
    equal(told.length, 1);
    match(told[0]?.reason ?? '', /SIGNATURE|SELF_SIGNED|ISSUER/);
    match(told[0]?.msg ?? '', /certificates of both/);
    equal(told[0]?.callee, 'tea');
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
    const { codes, told } = await certificates('the same');
    deepEqual([codes, told], [['answered', 'answered'], []]);
  });
});
