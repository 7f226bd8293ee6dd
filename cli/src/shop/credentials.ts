import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Environment } from '@stoa/platform/config';
import { cliError } from '../cli-error.ts';

/** As whom the command line speaks to the shop. */
export type Credentials =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'password'; readonly email: string; readonly password: string };

/** Where the embedded shop keeps its files, and the command line what belongs to them. */
export function dataDirOf(environment: Environment): string {
  return resolve(environment.STOA_DATA_DIR || './.stoa');
}

/**
 * The machine's key or the admin's e-mail and password of the environment; else, for a shop on this machine, what it left in its data directory when it
 * made its first admin itself.
 */
export async function readCredentials(environment: Environment, url: URL): Promise<Credentials> {
  const { STOA_API_KEY: key, STOA_ADMIN_EMAIL: email, STOA_ADMIN_PASSWORD: password } = environment;
  if (key) return { kind: 'key', key };
  if (email && password) return { kind: 'password', email, password };
  const file = join(dataDirOf(environment), 'admin.json');
  if (isThisMachine(url)) {
    const kept = await readJson<{ email?: string; password?: string }>(file);
    if (kept?.email && kept.password) return { kind: 'password', email: kept.email, password: kept.password };
  }
  const looked = isThisMachine(url) ? ` (and there is no ${file} that can be read)` : '';
  throw cliError('usage', `Say who you are: set STOA_API_KEY, or STOA_ADMIN_EMAIL and STOA_ADMIN_PASSWORD${looked}.`);
}

/** Only a shop on this machine is told what lies on this machine. */
export function isThisMachine(url: URL): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}

/** A file of JSON, or undefined when there is none that can be read. */
export async function readJson<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
