import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type KeyPair, loadAuthority } from '@stoa/platform/trust';
import { cliError } from '../cli-error.ts';
import { type State, writeFiles } from './write-files.ts';

export interface Authority extends KeyPair {
  readonly folder: string;
  readonly state: State;
  readonly expiresAt: Date;
}

const daysMin = 3_650;
const dayMs = 86_400_000;

/**
 * The authority of a folder (ca.pem and ca-key.pem), made when there is none.
 *
 * @throws CliError `conflict` for one that cannot sign: another in its place would turn away all processes that trust the old one
 */
export async function openAuthority(
  folder: string,
  { notBefore, days }: { notBefore: Date; days: number },
): Promise<Authority> {
  const [certificate, key] = [await textOf(join(folder, 'ca.pem')), await textOf(join(folder, 'ca-key.pem'))];
  if (certificate === undefined && key === undefined) {
    const notAfter = new Date(Date.now() + Math.max(daysMin, days) * dayMs);
    const { createAuthority } = await loadAuthority();
    const made = await createAuthority({ name: 'Stoa development authority', notBefore, notAfter });
    const state = await writeFiles(folder, { 'ca-key.pem': made.key, 'ca.pem': made.certificate });
    return { ...made, folder, state, expiresAt: notAfter };
  }
  const useless = (why: string) =>
    cliError(
      'conflict',
      `The authority in ${folder} ${why}. Bring it back, or move the whole folder away and run this again.`,
    );
  if (certificate === undefined || key === undefined)
    throw useless(`lacks ${certificate === undefined ? 'ca.pem' : 'ca-key.pem'}`);
  const expiresAt = endOf(certificate, key);
  if (expiresAt === undefined) throw useless('has files that do not belong together');
  if (expiresAt.getTime() <= Date.now()) throw useless(`ended at ${expiresAt.toISOString()}`);
  return { certificate, key, folder, state: 'kept', expiresAt };
}

/** Undefined when the certificate is no authority's or the key is not its own. */
function endOf(certificate: string, key: string): Date | undefined {
  try {
    const authority = new X509Certificate(certificate);
    return authority.ca && authority.checkPrivateKey(createPrivateKey(key)) ? authority.validToDate : undefined;
  } catch {
    return undefined;
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cliError('failed', `${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`, { cause: error });
  }
}
