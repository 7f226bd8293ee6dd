import { execFile, spawn } from 'node:child_process';
import { open, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { logSize, logTail } from './log-file.ts';
import { type ServerAddress, serverArguments } from './server-settings.ts';
import type { Site } from './site.ts';
import { startProblem, systemCode } from './start-problem.ts';

const run = promisify(execFile);

/** What `postmaster.pid` says. */
export interface Postmaster extends ServerAddress {
  readonly pid: number;
  readonly status: 'starting' | 'ready' | 'stopping';
  /** False for the file that a killed server left behind. */
  readonly alive: boolean;
}

const pollMs = 10;

/** Reads who serves a cluster; undefined when it was stopped properly or never started. */
export async function readPostmaster(clusterDir: string): Promise<Postmaster | undefined> {
  let lines: string[];
  try {
    lines = (await readFile(join(clusterDir, 'postmaster.pid'), 'utf8')).split('\n');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const pid = Math.abs(Number(lines[0]));
  const status = lines[7]?.trim();
  return {
    pid,
    port: Number(lines[3] ?? 0),
    socketDirectory: lines[4]?.trim() || undefined,
    status: status === 'ready' || status === 'stopping' ? status : 'starting',
    alive: pid > 0 && (await serves(pid, clusterDir)),
  };
}

/**
 * Says whether a process is the server of this cluster. A pid alone says little: after a restart of the machine or
 * the container it belongs to somebody else, and a dead child that nobody collects keeps it.
 */
async function serves(pid: number, clusterDir: string): Promise<boolean> {
  if (process.platform === 'linux') {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return commandLine.split('\0').includes(clusterDir);
  }
  const { stdout } = await run('ps', ['-ww', '-o', 'stat=,command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return !stdout.startsWith('Z') && stdout.includes(clusterDir);
}

export interface Launch {
  readonly site: Site;
  readonly address: ServerAddress;
  readonly settings: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** The pid in a left-over `postmaster.pid`. */
  readonly stalePid: number | undefined;
  readonly deadlineMs: number;
}

/** Why a server that was started has ended again. */
export type Ending = { readonly log: string };

/** Starts the server in a session of its own, so that neither Ctrl-C nor our death takes it along; waits until it is ready. */
export async function launch(launch: Launch): Promise<Postmaster | Ending> {
  const { site, logFile } = launch;
  const args = ['-D', site.clusterDir, ...serverArguments(launch.address, launch.settings)];
  const logFrom = await logSize(logFile);
  const output = await open(logFile, 'a', 0o600);
  const child = spawn(join(site.binaries.root, 'bin', 'postgres'), args, {
    cwd: site.clusterDir,
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
    env: {
      PATH: process.env.PATH,
      LC_ALL: 'C',
      // How pg_ctl tells the server that the pid in a left-over file is not a server, whoever has that pid now. Unlike
      // deleting the file, this keeps its guard against sessions of the killed server that are still running.
      ...(launch.stalePid && { PG_GRANDPARENT_PID: String(launch.stalePid) }),
    },
    ...(site.user && { uid: site.user.uid, gid: site.user.gid }),
  });
  let ended: Error | undefined;
  child.once('error', (error) => (ended = error));
  child.once('exit', (code, signal) => (ended ??= new Error(`postgres ended with ${signal ?? code}`)));
  child.unref();
  await output.close();
  for (;;) {
    const found = await readPostmaster(site.clusterDir);
    if (found?.pid === child.pid && found?.status === 'ready') return found;
    if (ended) return { log: (await logTail(logFile, logFrom)) || ended.message };
    if (performance.now() > launch.deadlineMs) {
      const tail = await logTail(logFile, logFrom);
      throw startProblem(
        `PostgreSQL is not ready yet; start again to go on waiting for it. Its log ${logFile} ends with:\n${tail}`,
      );
    }
    await delay(pollMs);
  }
}

/** Stops the server of a cluster, if it runs: sessions are cut, what was committed is written, then it ends. */
export async function stopPostmaster(clusterDir: string, timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  const found = await readPostmaster(clusterDir);
  if (!found?.alive) return;
  try {
    process.kill(found.pid, 'SIGINT');
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
  while (await serves(found.pid, clusterDir)) {
    if (performance.now() > deadlineMs)
      throw new Error(`PostgreSQL (pid ${found.pid}) has not stopped in ${timeoutMs} ms`);
    await delay(pollMs);
  }
  // Its socket is gone with it; whatever else may be in there stays.
  if (found.socketDirectory) await rmdir(found.socketDirectory).catch(() => undefined);
}
