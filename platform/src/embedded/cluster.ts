import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, chown, link, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { makePrivateFolder } from './private-folder.ts';
import type { Site } from './site.ts';
import { diskProblem, startProblem, systemCode } from './start-problem.ts';

const run = promisify(execFile);

export const adminName = 'postgres';

/** The administrator's password, from which those of the services are derived; made when the data directory is new. */
export async function adminPassword(dataDir: string): Promise<string> {
  const path = join(dataDir, 'postgres-password');
  const written = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  await writeFile(written, randomBytes(24).toString('base64url'), { mode: 0o600, flush: true });
  try {
    await link(written, path);
  } catch (error) {
    // Another process was first, and its password is the one.
    if (systemCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(written);
  }
  return readFile(path, 'utf8');
}

/** Makes PostgreSQL's data directory when there is none yet, wholly or not at all; refuses one of another major version. */
export async function ensureCluster(site: Site, log: (line: string) => void): Promise<void> {
  const found = await clusterVersion(site.clusterDir);
  if (found === site.binaries.major) return;
  if (found !== undefined) {
    throw startProblem(
      `${site.clusterDir} was made by PostgreSQL ${found} and this is PostgreSQL ${site.binaries.major}: dump it with ` +
        `PostgreSQL ${found} and restore it here, or move ${site.dataDir} away to start with an empty shop`,
    );
  }
  await removeHalfMade(site);
  const startedAtMs = performance.now();
  const workshop = await mkdtemp(halfMadePrefix(site));
  try {
    await initialise(site, workshop);
    await rename(join(workshop, 'cluster'), site.clusterDir);
    await syncFolder(dirname(site.clusterDir));
  } finally {
    await rm(workshop, { recursive: true });
  }
  log(
    `made a PostgreSQL ${site.binaries.version} in ${site.clusterDir} (${Math.round(performance.now() - startedAtMs)} ms)`,
  );
}

async function clusterVersion(clusterDir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(clusterDir, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  const exists = await access(clusterDir).then(
    () => true,
    () => false,
  );
  if (!exists) return undefined;
  throw startProblem(`${clusterDir} exists but holds no PostgreSQL: move it away, or choose another data directory`);
}

async function initialise(site: Site, workshop: string): Promise<void> {
  const { user } = site;
  const passwordFile = join(workshop, 'password');
  await writeFile(passwordFile, await adminPassword(site.dataDir), { mode: 0o600 });
  if (user) for (const path of [workshop, passwordFile]) await chown(path, user.uid, user.gid);
  await makePrivateFolder(join(workshop, 'cluster'), user);
  // The builtin C.UTF-8 locale sorts by code point on every machine, whatever its libc or ICU.
  const args = [
    `--pgdata=${join(workshop, 'cluster')}`,
    `--username=${adminName}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ];
  try {
    await run(join(site.binaries.root, 'bin', 'initdb'), args, {
      cwd: workshop,
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      ...(user && { uid: user.uid, gid: user.gid }),
    });
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    const why = diskProblem(site.clusterDir, output);
    if (why) throw why;
    throw startProblem(`PostgreSQL could not make its data directory ${site.clusterDir}: ${output}`, error);
  }
}

function halfMadePrefix(site: Site): string {
  return `${site.clusterDir}-half-made-`;
}

async function removeHalfMade(site: Site): Promise<void> {
  const parent = dirname(site.clusterDir);
  const prefix = basename(halfMadePrefix(site));
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(join(parent, name), { recursive: true });
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
