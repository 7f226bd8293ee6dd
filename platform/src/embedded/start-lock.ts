import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { systemCode } from './start-problem.ts';

/**
 * Tries to become the one process that starts the server; undefined when another one is at it. A lock whose owner
 * has died is taken over. The lock only saves work: PostgreSQL itself refuses a second server on one data directory.
 *
 * @returns the function that gives the lock back
 */
export async function tryStartLock(path: string): Promise<(() => Promise<void>) | undefined> {
  const token = randomBytes(8).toString('hex');
  const mine = `${process.pid} ${await startOf(process.pid)} ${token}`;
  // Written aside and then linked, so that nobody ever reads a lock without its owner.
  const written = `${path}.${token}`;
  await writeFile(written, mine, { flag: 'wx', mode: 0o600 });
  try {
    return await tryLink(written, path, mine);
  } finally {
    await rm(written, { force: true });
  }
}

async function tryLink(written: string, path: string, mine: string): Promise<(() => Promise<void>) | undefined> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await link(written, path);
      return async () => {
        if ((await content(path)) === mine) await rm(path, { force: true });
      };
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
    const theirs = await content(path);
    if (theirs !== undefined && (await isAlive(theirs))) return undefined;
    if (theirs !== undefined) await takeAway(path, theirs);
  }
  return undefined;
}

/** Removes a dead owner's lock. A live lock that came in between is put back. */
async function takeAway(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
    if ((await content(aside)) !== stale) await link(aside, path);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function content(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function isAlive(owner: string): Promise<boolean> {
  const [pid, start] = owner.split(' ');
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false;
  }
  return start === (await startOf(Number(pid)));
}

/** When a process started, in clock ticks since boot: tells a pid from its earlier owner. `-` where /proc is missing. */
async function startOf(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The second field, the program's name in parentheses, may hold spaces; the start is field 22.
  return line?.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
}
