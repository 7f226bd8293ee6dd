import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findAppError } from '../errors/index.ts';
import { createLog } from '../telemetry/index.ts';
import type { KeyPair } from './authority.ts';
import { openTrust } from './index.ts';
import {
  credentialsOf,
  type Folders,
  longGone,
  newAuthority,
  notYet,
  temporaryFolders,
  validFor,
} from './testing/certificates.ts';

const log = createLog({ service: 'test', level: 'silent' });
let folders: Folders;
let authority: KeyPair;

before(async () => {
  folders = await temporaryFolders();
  authority = await newAuthority();
});
after(() => folders.remove());

/** What a process that hosts order is told about this folder. */
async function problemsOf(folder: string): Promise<string[]> {
  const opening = openTrust({ STOA_TLS_DIR: folder, STOA_SERVICE_SECRET: [] }, { hosted: ['order'], log });
  const outcome = await opening.then(
    (trust) => trust.close(),
    (error: unknown) => error,
  );
  if (outcome === undefined) return [];
  const known = findAppError(outcome);
  assert.equal(known?.code, 'config.invalid', String(outcome));
  return known.message.split('\n').map((line) => {
    assert.ok(line.startsWith('STOA_TLS_DIR: '), line);
    assert.match(line, /: .+: .+\.$/, 'a line says what and what to do');
    return line.slice('STOA_TLS_DIR: '.length).replaceAll(`${folder}/`, '');
  });
}

async function problemsWith(changes: Readonly<Record<string, string>>): Promise<string[]> {
  return problemsOf(await folders.folder({ ...(await credentialsOf(authority, ['order'])), ...changes }));
}

function assertOne(problems: readonly string[], pattern: RegExp): void {
  assert.equal(problems.length, 1, problems.join('\n'));
  assert.match(problems[0] as string, pattern);
}

describe('certificates at the start', () => {
  it('are good when they fit together', async () => {
    assert.deepEqual(await problemsWith({}), []);
  });

  it('are signed by one of several authorities, and may be followed by more', async () => {
    const between = await newAuthority('Between');
    const files = await credentialsOf(between, ['order']);
    const chain = await folders.folder({ ...files, 'cert.pem': files['cert.pem'] + between.certificate });
    assert.deepEqual(await problemsOf(chain), []);
    const bundle = await folders.folder({ ...files, 'ca.pem': authority.certificate + between.certificate });
    assert.deepEqual(await problemsOf(bundle), []);
  });

  it('are missed one by one', async () => {
    const folder = await folders.folder({ ...(await credentialsOf(authority, ['order'])) });
    await unlink(join(folder, 'key.pem'));
    assertOne(await problemsOf(folder), /^key\.pem is missing: put the file there/);
  });

  it('are missed together when there is none of them', async () => {
    const folder = await folders.folder(await credentialsOf(authority, ['order']));
    assertOne(await problemsOf(join(folder, 'nowhere')), /nowhere holds no ca\.pem, cert\.pem and key\.pem: put them/);
    assertOne(await problemsOf(join(folder, 'cert.pem')), /cert\.pem holds no ca\.pem/);
  });

  it('are no folders and not empty', async () => {
    const folder = await folders.folder(await credentialsOf(authority, ['order']));
    await rm(join(folder, 'ca.pem'));
    await mkdir(join(folder, 'ca.pem'));
    assertOne(await problemsOf(folder), /^ca\.pem cannot be read \(EISDIR\)/);
    assertOne(await problemsWith({ 'cert.pem': '\n' }), /^cert\.pem is empty/);
  });

  it('are in PEM', async () => {
    const broken = '-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n';
    for (const text of ['nonsense', broken, '\u0000\u0001é', 'x'.repeat(1_000_000)]) {
      assertOne(await problemsWith({ 'ca.pem': text }), /^ca\.pem holds no certificate of an authority/);
      assertOne(await problemsWith({ 'cert.pem': text }), /^cert\.pem holds no certificate in PEM/);
      assertOne(await problemsWith({ 'key.pem': text }), /^key\.pem holds no private key in PEM/);
    }
  });

  it('have a key of their own that is not locked', async () => {
    const stranger = await credentialsOf(authority, ['order']);
    assertOne(await problemsWith({ 'key.pem': stranger['key.pem'] }), /^key\.pem does not belong to cert\.pem/);
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    assertOne(await problemsWith({ 'key.pem': privateKey }), /^key\.pem is locked with a passphrase/);
  });

  it('are good now', async () => {
    assertOne(await problemsWith(await credentialsOf(authority, ['order'], longGone)), /^cert\.pem ended at /);
    assertOne(await problemsWith(await credentialsOf(authority, ['order'], notYet)), /^cert\.pem is good from /);
    const old = await newAuthority('Old', longGone);
    assertOne(await problemsWith(await credentialsOf(old, ['order'])), /^CN=Old above cert\.pem ended at /);
  });

  it('are signed by an authority that is trusted, which is one', async () => {
    const other = await newAuthority();
    assertOne(
      await problemsWith({ 'ca.pem': other.certificate }),
      /^cert\.pem is not signed by an authority in ca\.pem/,
    );
    const leaf = await credentialsOf(authority, ['user']);
    const signedByLeaf = await credentialsOf({ certificate: leaf['cert.pem'], key: leaf['key.pem'] }, ['order']);
    assertOne(await problemsWith(signedByLeaf), /^ca\.pem holds no certificate of an authority/);
    const smuggled = {
      ...signedByLeaf,
      'ca.pem': authority.certificate,
      'cert.pem': signedByLeaf['cert.pem'] + leaf['cert.pem'],
    };
    assertOne(await problemsWith(smuggled), /^cert\.pem is not signed/);
  });

  it('name the services of the process, word for word', async () => {
    for (const names of [['user'], ['orders'], ['*.order'], ['order.example'], ['localhost', '127.0.0.1']])
      assertOne(await problemsWith(await credentialsOf(authority, names)), /^cert\.pem does not name order: /);
    assert.deepEqual(await problemsWith(await credentialsOf(authority, ['user', 'order'])), []);
  });

  it('are for servers and for clients', async () => {
    for (const purpose of ['server', 'client'] as const)
      assertOne(
        await problemsWith(await credentialsOf(authority, ['order'], { purposes: [purpose] })),
        /^cert\.pem is not for servers and clients both/,
      );
  });

  it('say all that is wrong at once', async () => {
    const problems = await problemsWith(
      await credentialsOf(authority, ['user'], { ...longGone, purposes: ['server'] }),
    );
    assert.deepEqual(
      problems.map((problem) => /ended|name|both/.exec(problem)?.[0]),
      ['ended', 'name', 'both'],
    );
  });

  it('that end within a week are said to, and their end is known', async () => {
    const end = async (days: number) => {
      const folder = await folders.folder(await credentialsOf(authority, ['order'], validFor(days)));
      const trust = await openTrust({ STOA_TLS_DIR: folder, STOA_SERVICE_SECRET: [] }, { hosted: ['order'], log });
      trust.close();
      return trust.certificate;
    };
    const soon = await end(6);
    assert.match(soon?.concern() ?? '', /ends at .*: put a new one there/);
    assert.ok(Math.abs((soon?.expiresAtMs() ?? 0) - Date.now() - 6 * 86_400_000) < 60_000);
    assert.equal((await end(8))?.concern(), undefined);
  });
});
