import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issueCertificate, type KeyPair, type ToIssue } from '../authority.ts';

const hourMs = 3_600_000;

/** Good from an hour ago for so many days. */
export function validFor(days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - hourMs), notAfter: new Date(Date.now() + days * 24 * hourMs) };
}

export const longGone = { notBefore: new Date(Date.now() - 2 * hourMs), notAfter: new Date(Date.now() - hourMs) };
export const notYet = { notBefore: new Date(Date.now() + hourMs), notAfter: new Date(Date.now() + 48 * hourMs) };

export function newAuthority(name = 'Test authority', validity = validFor(100)): Promise<KeyPair> {
  return createAuthority({ name, ...validity });
}

/** The files of a process that hosts these services. */
export async function credentialsOf(authority: KeyPair, names: readonly string[], more: Partial<ToIssue> = {}) {
  const { certificate, key } = await issueCertificate({ authority, names, ...validFor(90), ...more });
  return { 'ca.pem': authority.certificate, 'cert.pem': certificate, 'key.pem': key };
}

export interface Folders {
  /** A folder with these files. */
  folder(files: Readonly<Record<string, string>>): Promise<string>;
  remove(): Promise<void>;
}

export async function temporaryFolders(): Promise<Folders> {
  const root = await mkdtemp(join(tmpdir(), 'stoa-trust-'));
  let count = 0;
  return {
    async folder(files) {
      count += 1;
      const path = join(root, String(count));
      await mkdir(path);
      await put(path, files);
      return path;
    },
    remove: () => rm(root, { recursive: true }),
  };
}

export async function put(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

/** Puts files there as Kubernetes mounts a secret: links to a folder that is swapped as a whole. */
export async function mount(folder: string, version: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(folder, version));
  await put(join(folder, version), files);
  await symlink(version, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  for (const name of Object.keys(files)) await symlink(join('..data', name), join(folder, name)).catch(() => undefined);
}
