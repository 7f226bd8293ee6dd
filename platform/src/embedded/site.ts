import { chmod, chown, cp, mkdir, mkdtemp, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Binaries, findBinaries } from './binaries.ts';
import { pathHash } from './private-folder.ts';
import { startProblem, systemCode } from './start-problem.ts';
import { canEnter, canRun, type SystemUser, unprivilegedUser } from './system-user.ts';

/** Where everything of one server is. */
export interface Site {
  /** What the caller named: holds the log, the password, the lock and usually the cluster. */
  readonly dataDir: string;
  /** PostgreSQL's own data directory. */
  readonly clusterDir: string;
  readonly binaries: Binaries;
  /** Who runs the server; undefined when it is the user of this process. */
  readonly user: SystemUser | undefined;
}

export type Log = (line: string) => void;

/** Where root's server keeps what its unprivileged user cannot reach in place. */
const reachableRoot = '/var/lib/stoa';

/** The cluster's folder: in the data directory, or where a pointer in it says. */
export async function findClusterDir(dataDir: string): Promise<string> {
  try {
    return (await readFile(pointerFile(dataDir), 'utf8')).trim();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return join(dataDir, 'postgres');
    throw error;
  }
}

/** Settles who runs the server and from where, moving out of the way of folders that this user cannot enter. */
export async function prepareSite(dataDir: string, log: Log): Promise<Site> {
  const binaries = findBinaries();
  const clusterDir = await findClusterDir(dataDir);
  const owner = await ownerOf(clusterDir);
  const self = process.getuid?.();
  if (owner === undefined && clusterDir !== join(dataDir, 'postgres')) {
    throw startProblem(
      `the data directory ${clusterDir} is gone: restore it, or remove ${pointerFile(dataDir)} to start with an empty shop`,
    );
  }
  if (self !== 0) {
    if (owner !== undefined && owner.uid !== self) {
      throw startProblem(
        `${clusterDir} belongs to user ${owner.uid}: start as that user, or choose another data directory`,
      );
    }
    return { dataDir, clusterDir, binaries, user: undefined };
  }
  const user = owner && owner.uid !== 0 ? { name: `user ${owner.uid}`, ...owner } : await unprivilegedUser(log);
  return {
    dataDir,
    clusterDir: owner ? await reachable(clusterDir, user) : await chooseClusterDir(dataDir, user, log),
    binaries: await reachableBinaries(binaries, user, log),
    user,
  };
}

function pointerFile(dataDir: string): string {
  return join(dataDir, 'postgres-location');
}

async function ownerOf(path: string): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const { uid, gid } = await stat(path);
    return { uid, gid };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function reachable(clusterDir: string, user: SystemUser): Promise<string> {
  if (await canEnter(user, clusterDir)) return clusterDir;
  throw startProblem(
    `${user.name}, who runs PostgreSQL, cannot enter ${clusterDir}: let other users pass through its parents (chmod o+x)`,
  );
}

async function chooseClusterDir(dataDir: string, user: SystemUser, log: Log): Promise<string> {
  if (await canOwnFolderIn(dataDir, user)) return join(dataDir, 'postgres');
  const elsewhere = join(reachableRoot, pathHash(await realpath(dataDir)));
  await makeReachable(elsewhere);
  if (!(await canOwnFolderIn(elsewhere, user))) {
    throw startProblem(
      `neither ${dataDir} nor ${elsewhere} can hold data of ${user.name}, who runs PostgreSQL for root`,
    );
  }
  await writeFile(pointerFile(dataDir), `${join(elsewhere, 'postgres')}\n`);
  log(`PostgreSQL runs as ${user.name}, who cannot enter ${dataDir}: its data is in ${elsewhere}`);
  return join(elsewhere, 'postgres');
}

async function canOwnFolderIn(parent: string, user: SystemUser): Promise<boolean> {
  const probe = await mkdtemp(join(parent, 'postgres-probe-'));
  try {
    await chown(probe, user.uid, user.gid);
    return await canEnter(user, probe);
  } catch (error) {
    // Some mounts take no other owner.
    if (systemCode(error) === 'EPERM') return false;
    throw error;
  } finally {
    await rm(probe, { recursive: true });
  }
}

async function reachableBinaries(binaries: Binaries, user: SystemUser, log: Log): Promise<Binaries> {
  if (await canRun(user, join(binaries.root, 'bin', 'postgres'), ['--version'])) return binaries;
  const copy = join(reachableRoot, `postgresql-${binaries.version}`);
  if (!(await ownerOf(copy))) {
    await makeReachable(reachableRoot);
    const half = await mkdtemp(`${copy}-`);
    await cp(binaries.root, half, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') });
    await chmod(half, 0o755);
    // Another data directory's first start may have copied them meanwhile: either copy will do.
    await rename(half, copy).catch(() => rm(half, { recursive: true }));
    log(`PostgreSQL runs as ${user.name}, who cannot run ${binaries.root}: it was copied to ${copy}`);
  }
  if (await canRun(user, join(copy, 'bin', 'postgres'), ['--version'])) return { ...binaries, root: copy };
  throw startProblem(
    `${user.name} can run PostgreSQL neither from ${binaries.root} nor from ${copy}: start as another user than root`,
  );
}

/** Whatever the umask says, others may pass through. */
async function makeReachable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const path of [reachableRoot, folder]) await chmod(path, 0o755);
}
