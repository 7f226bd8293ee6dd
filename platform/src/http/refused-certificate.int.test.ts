import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import { pino } from 'pino';
import { readSettings } from '../config/index.ts';
import { loadAuthority, openTrust, trustSettings } from '../trust/index.ts';
import { openServer } from './open-server.ts';

test('who shows a certificate that is not accepted is told of once a minute, who shows none is not', async () => {
  const { createAuthority, issueCertificate } = await loadAuthority();
  const validity = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 90 * 86_400_000) };
  const [ours, theirs] = [
    await createAuthority({ name: 'Ours', ...validity }),
    await createAuthority({ name: 'Theirs', ...validity }),
  ];
  const own = await issueCertificate({ authority: ours, names: ['tea'], ...validity });
  const strange = await issueCertificate({ authority: theirs, names: ['order'], ...validity });
  const folder = await mkdtemp(join(tmpdir(), 'stoa-refused-'));
  for (const [name, text] of Object.entries({ ca: ours.certificate, cert: own.certificate, key: own.key }))
    await writeFile(join(folder, `${name}.pem`), text);
  const told: { msg: string; reason: string }[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => void told.push(JSON.parse(line)) });
  const trust = await openTrust(readSettings({ STOA_TLS_DIR: folder }, trustSettings), { hosted: ['tea'], log });
  const listen = { host: '127.0.0.1', port: 0, log, ...(trust.server && { tls: trust.server }) };
  const server = await openServer(listen, (_, response) => response.end());
  const knock = async (shown: ConnectionOptions) => {
    const { port } = new URL(server.url);
    const socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      ca: ours.certificate,
      servername: 'tea',
      ...shown,
    });
    socket.on('error', () => undefined).resume();
    await new Promise((resolve) => socket.once('close', resolve));
  };
  try {
    await knock({});
    equal(told.length, 0);
    for (let time = 0; time < 2; time++) await knock({ cert: strange.certificate, key: strange.key });
    deepEqual(
      told.map(({ reason }) => reason),
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    );
    match(told[0]?.msg ?? '', /compare the certificates of both/);
  } finally {
    await server.close();
    trust.close();
    await rm(folder, { recursive: true });
  }
});
