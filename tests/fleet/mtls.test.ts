// limit: 180 s
// load: half
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { loadAuthority } from '@stoa/platform/trust';
import { TestShop, until } from '../shop.ts';
import { makeCertificates } from './make-certificates.ts';

describe('a fleet whose processes show each other certificates', () => {
  let folder: string;
  let shop: TestShop;
  let orderPort: number;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stoa-mtls-'));
    await makeCertificates(folder);
    shop = await TestShop.open({ placement: ['--split'], environment: { STOA_TLS_DIR: folder } });
    orderPort = Number(placeOf('order')[0]);
    await shop.stockUp('THING', 10);
  });
  after(async () => {
    await shop?.end('SIGTERM');
    await shop?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Port and metrics URL of a process, as the start has told them. */
  const placeOf = (service: string) =>
    new RegExp(`^ +${service} +(\\d+) +(\\S+)$`, 'm').exec(shop.output)?.slice(1) ?? [];
  const certificateOf = async (service: string) => ({
    ca: await readFile(join(folder, service, 'ca.pem')),
    cert: await readFile(join(folder, service, 'cert.pem')),
    key: await readFile(join(folder, service, 'key.pem')),
    servername: 'order',
  });
  /** The serial number of the certificate that a port shows. */
  const serialOf = async (port: number) => {
    const socket = connect({ ...(await certificateOf('payment')), host: '127.0.0.1', port });
    await once(socket, 'secureConnect');
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };

  it('confirms an order that goes through all of them, and brings its mail on the way', async () => {
    const { body } = await shop.place({ items: [{ sku: 'THING', quantity: 2 }] }, { waitS: 20 });
    assert.equal(body.status, 'confirmed');
    assert.equal((await shop.settled()).dead, 0);
    assert.equal((await shop.order(body.id)).payment.status, 'captured');
    assert.equal((await shop.stock('THING')).available, 8);
  });

  it('answers who shows a certificate of ours, as the service that it names', async () => {
    const own = await certificateOf('payment');
    const known = await ask({ ...own, port: orderPort, path: '/health/ready' });
    assert.equal(known.status, 200, known.text);
    const claim = { ...own, port: orderPort, path: '/api/v1/orders', headers: { 'x-stoa-service': 'inventory' } };
    const pretender = await ask(claim);
    assert.deepEqual([pretender.status, codeOf(pretender.text)], [401, 'auth.invalid']);
  });

  it('refuses a stranger without a certificate', async () => {
    const anyone = { port: orderPort, path: '/health/ready', rejectUnauthorized: false };
    await assert.rejects(ask(anyone), /certificate required|ECONNRESET|socket hang up/i);
    await assert.rejects(ask({ ...anyone, plain: true }), /ECONNRESET|socket hang up|Parse Error/i);
  });

  it('refuses a stranger with a certificate of another authority, whatever it names', async () => {
    const { createAuthority, issueCertificate } = await loadAuthority();
    const validity = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 3_600_000) };
    const authority = await createAuthority({ name: 'Another', ...validity });
    const { certificate: cert, key } = await issueCertificate({ authority, names: ['payment'], ...validity });
    const { ca } = await certificateOf('payment');
    const forged = { ca, cert, key, servername: 'order', port: orderPort, path: '/health/ready' };
    await assert.rejects(ask(forged), /unknown ca|alert|ECONNRESET|socket hang up/i);
  });

  it('takes up renewed certificates while orders come, and fails none of them', async () => {
    await shop.stockUp('RENEWED', 1_000);
    const before = await serialOf(orderPort);
    let isOver = false;
    let confirmed = 0;
    const customers = Array.from({ length: 3 }, async () => {
      while (!isOver) {
        const { body } = await shop.place({ items: [{ sku: 'RENEWED', quantity: 1 }] }, { waitS: 20 });
        assert.equal(body.status, 'confirmed');
        confirmed += 1;
      }
    });
    const renewing = (async () => {
      const renewed = await new TestShop(folder, {}).stoa('certs', folder, '--renew');
      assert.equal(renewed.code, 0, renewed.output);
      await until(
        () => serialOf(orderPort),
        (serial) => serial !== before,
      );
      const seen = confirmed;
      await until(
        async () => confirmed,
        (count) => count > seen + 3,
      );
    })().finally(() => {
      isOver = true;
    });
    await Promise.all([renewing, ...customers]);
    assert.equal((await shop.stock('RENEWED')).available, 1_000 - confirmed);
  });

  it('says how long its certificates last', async () => {
    const text = await (await fetch(placeOf('order')[1] ?? '')).text();
    const [, seconds = '0'] = /^stoa_certificate_expires_seconds (\S+)$/m.exec(text) ?? [];
    assert.ok(Number(seconds) > 364 * 86_400 && Number(seconds) < 366 * 86_400, seconds);
    const health = await (await fetch(new URL('/health', placeOf('order')[1]))).json();
    assert.match(JSON.stringify(health), /"name":"certificate","state":"up"/);
  });
});

function ask({
  plain,
  ...options
}: RequestOptions & { readonly plain?: boolean }): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const send = plain ? plainRequest : request;
    const asked = send({ host: '127.0.0.1', ...options }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.once('error', reject);
    });
    asked.once('error', reject);
    asked.end();
  });
}

function codeOf(text: string): string {
  return (JSON.parse(text) as { code: string }).code;
}
