import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createLog } from '@stoa/platform/telemetry';
import { openTrust } from '@stoa/platform/trust';
import { serviceNames } from '@stoa/system';
import { runCommandLine } from '../program.ts';
import type { Made } from './make-certificates.ts';

let root: string;
let count = 0;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'stoa-certs-'));
});
after(() => rm(root, { recursive: true }));

function newFolder(): string {
  count += 1;
  return join(root, String(count), 'certs');
}

async function certs(...args: string[]) {
  let out = '';
  let told = '';
  const write = (text: string) => {
    out += text;
  };
  const tell = (text: string) => {
    told += text;
  };
  const code = await runCommandLine(['certs', ...args], { environment: {}, write, tell });
  return { code, out, told };
}

async function made(...args: string[]): Promise<Made> {
  const { code, out, told } = await certs(...args, '--json');
  assert.equal(code, 0, told);
  return JSON.parse(out) as Made;
}

const certificateIn = async (folder: string) => new X509Certificate(await readFile(join(folder, 'cert.pem')));
const statesOf = ({ authority, certificates }: Made) => [authority.state, ...certificates.map(({ state }) => state)];

describe('stoa certs', () => {
  it('makes an authority and what each service needs, with keys that only their owner reads', async () => {
    const dir = newFolder();
    const { authority, certificates } = await made(dir);
    assert.deepEqual(
      certificates.map(({ service }) => service),
      [...serviceNames, 'all'],
    );
    assert.deepEqual((await readdir(join(dir, 'ca'))).sort(), ['ca-key.pem', 'ca.pem']);
    const ca = new X509Certificate(await readFile(join(dir, 'ca', 'ca.pem')));
    assert.equal((await stat(join(dir, 'ca', 'ca-key.pem'))).mode & 0o777, 0o600);
    assert.equal(Date.parse(authority.expiresAt) > Date.now() + 3_600 * 86_400_000, true);
    for (const { folder, state } of certificates) {
      assert.equal(state, 'made');
      assert.deepEqual((await readdir(folder)).sort(), ['ca.pem', 'cert.pem', 'key.pem']);
      assert.equal((await stat(join(folder, 'key.pem'))).mode & 0o777, 0o600);
      const leaf = await certificateIn(folder);
      assert.ok(leaf.verify(ca.publicKey));
      assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    }
  });

  it('makes what processes take', async () => {
    const dir = newFolder();
    await made(dir);
    const log = createLog({ level: 'silent' });
    const opens = async (folder: string, hosted: readonly string[]) =>
      (await openTrust({ STOA_TLS_DIR: join(dir, folder), STOA_SERVICE_SECRET: [] }, { hosted, log })).close();
    for (const name of serviceNames) await opens(name, [name]);
    await opens('all', serviceNames);
    await assert.rejects(opens('order', ['order', 'user']), /does not name user/);
  });

  it('names the hosts that were asked for, and only the services that were', async () => {
    const dir = newFolder();
    await made(dir, '--services', 'order, payment', '--hosts', 'shop.internal,10.0.0.7,fd00::7', '--days', '30');
    assert.deepEqual((await readdir(dir)).sort(), ['ca', 'order', 'payment']);
    const leaf = await certificateIn(join(dir, 'order'));
    for (const name of ['order', 'localhost', 'shop.internal']) assert.equal(leaf.checkHost(name), name);
    for (const address of ['127.0.0.1', '::1', '10.0.0.7', 'fd00::7']) assert.equal(leaf.checkIP(address), address);
    assert.equal(leaf.checkHost('payment'), undefined);
    const leftDays = (leaf.validToDate.getTime() - Date.now()) / 86_400_000;
    assert.ok(leftDays > 29.9 && leftDays <= 30, String(leftDays));
  });

  it('keeps what is good, and makes anew what is missing, broken or short of a name', async () => {
    const dir = newFolder();
    const some = [dir, '--services', 'order,payment,user,all'];
    await made(...some);
    const before = await certificateIn(join(dir, 'order'));
    assert.deepEqual(statesOf(await made(...some)), ['kept', 'kept', 'kept', 'kept', 'kept']);
    await unlink(join(dir, 'payment', 'key.pem'));
    await writeFile(join(dir, 'user', 'cert.pem'), 'broken');
    assert.deepEqual(statesOf(await made(...some)), ['kept', 'kept', 'renewed', 'renewed', 'kept']);
    assert.equal((await certificateIn(join(dir, 'order'))).serialNumber, before.serialNumber);
    assert.deepEqual(statesOf(await made(dir, '--services', 'order', '--hosts', 'new.host')), ['kept', 'renewed']);
  });

  it('renews by the same authority', async () => {
    const dir = newFolder();
    await made(dir, '--services', 'order');
    const [ca, before] = [await readFile(join(dir, 'ca', 'ca.pem'), 'utf8'), await certificateIn(join(dir, 'order'))];
    assert.deepEqual(statesOf(await made(dir, '--services', 'order', '--renew')), ['kept', 'renewed']);
    assert.equal(await readFile(join(dir, 'order', 'ca.pem'), 'utf8'), ca);
    assert.notEqual((await certificateIn(join(dir, 'order'))).serialNumber, before.serialNumber);
    assert.deepEqual((await readdir(join(dir, 'order'))).sort(), ['ca.pem', 'cert.pem', 'key.pem']);
  });

  it('keeps the authorities that were put beside its own, also when it renews', async () => {
    const [dir, other] = [newFolder(), newFolder()];
    await made(dir, '--services', 'order');
    await made(other, '--services', 'order');
    const path = join(dir, 'order', 'ca.pem');
    const both = (await readFile(path, 'utf8')) + (await readFile(join(other, 'ca', 'ca.pem'), 'utf8'));
    await writeFile(path, both);
    assert.deepEqual(statesOf(await made(dir, '--services', 'order')), ['kept', 'kept']);
    assert.deepEqual(statesOf(await made(dir, '--services', 'order', '--renew')), ['kept', 'renewed']);
    assert.equal(await readFile(path, 'utf8'), both);
  });

  it('does not put another authority in the place of one that cannot sign', async () => {
    const dir = newFolder();
    await made(dir, '--services', 'order');
    await unlink(join(dir, 'ca', 'ca-key.pem'));
    const { code, told } = await certs(dir, '--renew');
    assert.equal(code, 4);
    assert.match(told, /lacks ca-key\.pem\. Bring it back/);
    await writeFile(join(dir, 'ca', 'ca-key.pem'), await readFile(join(dir, 'order', 'key.pem')));
    assert.match((await certs(dir)).told, /do not belong together/);
  });

  it('ends with 2 for names that cannot be, and with 1 where it cannot write', async () => {
    const dir = newFolder();
    assert.equal((await certs()).code, 2);
    assert.match((await certs(dir, '--services', 'ordr')).told, /ordr is no service\. There are gateway, /);
    assert.match((await certs(dir, '--hosts', 'order')).told, /cannot have the name of a service/);
    for (const args of [
      ['--services', 'ordr'],
      ['--services', ','],
      ['--hosts', 'order'],
      ['--hosts', 'a b'],
      ['--hosts', '*'],
      ['--days', '0'],
      ['--days', '99999999'],
    ])
      assert.equal((await certs(dir, ...args)).code, 2, args.join(' '));
    await assert.rejects(stat(dir), 'nothing was made');
    const file = join(root, 'file');
    await writeFile(file, '');
    assert.equal((await certs(join(file, 'certs'))).code, 1);
  });

  it('tells people in a table', async () => {
    const { code, out } = await certs(newFolder(), '--services', 'order');
    assert.equal(code, 0);
    assert.match(
      out,
      /^folder +state +good until +names\n.*ca +made .*\n.*order +made .* order localhost 127\.0\.0\.1 ::1\n$/,
    );
  });
});
