import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '@stoa/platform/config';

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
 */
export async function firstAdmin(environment: Environment, dataDir: string): Promise<Admin> {
  const { STOA_ADMIN_EMAIL: email, STOA_ADMIN_PASSWORD: password } = environment;
  if (email && password) return { email, password, isNew: false, file: undefined };
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, 'admin.json');
  const made = { email: email ?? 'admin@stoa.local', password: password ?? randomBytes(12).toString('base64url') };
  try {
    await writeFile(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    return { ...made, isNew: true, file };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return { ...(JSON.parse(await readFile(file, 'utf8')) as { email: string; password: string }), isNew: false, file };
  }
}
