// limit: 90 s
// load: half
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createSecureContext, getCACertificates, setDefaultCACertificates, TLSSocket } from 'node:tls';
import { openRedis } from '@stoa/platform/cache';
import { readSettings } from '@stoa/platform/config';
import { createDiscovery, discoverySettings } from '@stoa/platform/discovery';
import { findAppError } from '@stoa/platform/errors';
import { Database, reachDatabase } from '@stoa/platform/sql';
import { createLog } from '@stoa/platform/telemetry';
import { connectRabbit } from '@stoa/platform/transport';
import { type KeyPair, loadAuthority } from '@stoa/platform/trust';

const log = createLog({ level: 'silent' });
const hourMs = 3_600_000;
const validity = { notBefore: new Date(Date.now() - hourMs), notAfter: new Date(Date.now() + hourMs) };
const longGone = { notBefore: new Date(Date.now() - 2 * hourMs), notAfter: new Date(Date.now() - hourMs) };
const open = new Set<Server | Socket>();
let folder: string;
let known: KeyPair;
/** What the servers show, and under what name each is told. */
const shown: Record<'of a strange authority' | 'that signed itself' | 'that has expired', KeyPair> = {} as never;

before(async () => {
  const { createAuthority, issueCertificate } = await loadAuthority();
  known = await createAuthority({ name: 'Known', ...validity });
  const strange = await createAuthority({ name: 'Strange', ...validity });
  shown['of a strange authority'] = await issueCertificate({ authority: strange, names: ['localhost'], ...validity });
  shown['that signed itself'] = strange;
  shown['that has expired'] = await issueCertificate({ authority: known, names: ['localhost'], ...longGone });
  folder = await mkdtemp(join(tmpdir(), 'stoa-certificates-'));
  await writeFile(join(folder, 'ca.pem'), known.certificate);
  setDefaultCACertificates([...getCACertificates('default'), known.certificate]);
});
after(async () => {
  for (const one of open) 'destroy' in one ? one.destroy() : one.close();
  await rm(folder, { recursive: true, force: true });
});

/** The port of a server that shows a certificate and then says nothing; `first` is what is said before TLS begins. */
async function serve({ certificate: cert, key }: KeyPair, first?: string): Promise<number> {
  const secureContext = createSecureContext({ cert, key });
  const secure = (socket: Socket) =>
    new TLSSocket(socket, { isServer: true, secureContext }).on('error', () => undefined);
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    if (first === undefined) return secure(socket);
    return socket.once('data', () => {
      socket.write(first);
      secure(socket);
    });
  });
  open.add(server);
  await once(server.listen(0, 'localhost'), 'listening');
  return (server.address() as AddressInfo).port;
}

const clients: Readonly<Record<string, { first?: string; connect(port: number): Promise<unknown>; says: RegExp }>> = {
  PostgreSQL: {
    // Its client asks in the clear whether there is TLS, and is answered with one letter.
    first: 'S',
    async connect(port) {
      const url = `postgres://shop:secret@localhost:${port}/shop?sslmode=verify-full&sslrootcert=${folder}/ca.pem`;
      const db = new Database({ url, name: 'order', connectionsMax: 1 });
      await reachDatabase(db, { url, setting: 'STOA_ORDER_DATABASE_URL', waitMs: 500 }).finally(() => db.close());
    },
    says: /STOA_ORDER_DATABASE_URL.*(sslrootcert|Renew it)/,
  },
  RabbitMQ: {
    connect: (port) =>
      connectRabbit({
        url: `amqps://shop:secret@localhost:${port}`,
        name: 'stoa',
        services: ['order'],
        log,
        connectMsMax: 500,
      }),
    says: /RabbitMQ at amqps:.*Renew it.*NODE_EXTRA_CA_CERTS/,
  },
  Redis: {
    connect: (port) => openRedis(`rediss://shop:secret@localhost:${port}`, { log, waitMs: 500 }),
    says: /STOA_REDIS_URL.*Renew it.*NODE_EXTRA_CA_CERTS/,
  },
  Consul: {
    connect(port) {
      const environment = { STOA_DISCOVERY: 'consul', STOA_CONSUL_URL: `https://localhost:${port}` };
      const settings = readSettings(environment, discoverySettings);
      return createDiscovery(settings, { log, environment, defaultUrl: () => 'http://localhost:1', patienceMs: 500 });
    },
    says: /STOA_CONSUL_URL.*Renew it.*NODE_EXTRA_CA_CERTS/,
  },
};

for (const [name, { first, connect, says }] of Object.entries(clients)) {
  describe(`${name} ends the start with one line that says what and what to do`, () => {
    for (const what of ['of a strange authority', 'that signed itself', 'that has expired'] as const) {
      test(`when it shows a certificate ${what}`, async () => {
        const port = await serve(shown[what], first);
        const error = findAppError(await connect(port).catch((thrown: unknown) => thrown));
        assert.equal(error?.code, 'config.invalid', String(error));
        assert.match(error.message, says);
        assert.doesNotMatch(error.message, /secret|\n/);
      });
    }
  });
}
