import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Site } from './site.ts';
import { canEnter, type SystemUser } from './system-user.ts';

const socketPathBytesMax = 100;

/** Makes a folder that only the server's user may enter. */
export async function makePrivateFolder(path: string, user: SystemUser | undefined): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (user) await chown(path, user.uid, user.gid);
}

/** A folder for the unix socket with a short name (the path of a socket is limited), safe from other users of the machine. */
export async function makeSocketFolder(site: Site): Promise<string | undefined> {
  const uid = site.user?.uid ?? process.getuid?.();
  for (const base of new Set([tmpdir(), '/tmp'])) {
    let path = join(base, `stoa-${pathHash(`${site.dataDir} ${uid}`)}`);
    if (path.length + '-XXXXXX/.s.PGSQL.65535.lock'.length > socketPathBytesMax) continue;
    const found = await lstat(path).catch(() => undefined);
    const ours = !found || (found.isDirectory() && (found.uid === uid || found.uid === process.getuid?.()));
    try {
      if (!ours) path = await mkdtemp(`${path}-`);
      // What a killed server left in it would be in the way of the next one.
      if (found && ours) await rm(path, { recursive: true });
      await makePrivateFolder(path, site.user);
    } catch {
      continue;
    }
    if (!site.user || (await canEnter(site.user, path))) return path;
  }
  return undefined;
}

/** A short name for what belongs to one path. */
export function pathHash(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 12);
}
