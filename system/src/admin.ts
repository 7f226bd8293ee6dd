import { randomBytes } from 'node:crypto';
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '@stoa/platform/config';
import { explainingDiskProblems, makeDataDir } from '@stoa/platform/embedded';
import { fault } from '@stoa/platform/errors';

/** Who may do everything in a new shop. */
export interface Admin {
  readonly email: string;
  readonly password: string;
  /** Whether the password was made up just now, so that it has to be told. */
  readonly isNew: boolean;
  /** Where the password is kept; undefined when the environment names it. */
  readonly file: string | undefined;
}

/**
 * The first admin: the one the environment names, else the one kept in the data directory, where the command line finds it too; else one that is made
 * up now and kept there, readable by its owner only.
 *
 * @throws AppError with one line when the data directory or the file in it is not to be used
 */
export async function firstAdmin(environment: Environment, dataDir: string): Promise<Admin> {
  const { STOA_ADMIN_EMAIL: email, STOA_ADMIN_PASSWORD: password } = environment;
  if (email && password) return { email, password, isNew: false, file: undefined };
  const made = { email: email || 'admin@stoa.local', password: password || randomBytes(12).toString('base64url') };
  return explainingDiskProblems(dataDir, async () => {
    const file = join(await makeDataDir(dataDir), 'admin.json');
    if (await putInPlace(file, `${JSON.stringify(made, null, 2)}\n`)) return { ...made, isNew: true, file };
    return { ...(await readAdmin(file)), isNew: false, file };
  });
}

/** Writes a file whole or not at all; false when there is one, which stays, unless it is empty: that is what a full disk or a kill once left. */
async function putInPlace(file: string, text: string): Promise<boolean> {
  const aside = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(aside, text, { mode: 0o600, flush: true });
    if ((await stat(file).catch(() => undefined))?.size === 0) await rm(file, { force: true });
    await link(aside, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function readAdmin(file: string): Promise<Pick<Admin, 'email' | 'password'>> {
  const text = await readFile(file, 'utf8');
  const { email, password } = parsed(text);
  if (typeof email === 'string' && typeof password === 'string') return { email, password };
  throw fault(
    'config.invalid',
    `${file} is not what it was: it has to hold the first admin's email and password as JSON. Restore it, or remove it and set STOA_ADMIN_EMAIL and STOA_ADMIN_PASSWORD.`,
  );
}

function parsed(text: string): { readonly email?: unknown; readonly password?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as object;
  } catch {
    return {};
  }
}
