import { randomInt } from 'node:crypto';
import { chmod, mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { adminPassword, ensureCluster } from './cluster.ts';
import { type Databases, openDatabases } from './databases.ts';
import { holdUse, type Use } from './hold-use.ts';
import { isPortFree } from './is-port-free.ts';
import { capLogFile } from './log-file.ts';
import { type Ending, launch, type Postmaster, readPostmaster, stopPostmaster } from './postmaster.ts';
import { makeSocketFolder } from './private-folder.ts';
import { assertDurable } from './server-settings.ts';
import { findClusterDir, type Log, prepareSite } from './site.ts';
import { tryStartLock } from './start-lock.ts';
import { diskProblem, explainingDiskProblems, startProblem, systemCode } from './start-problem.ts';

export interface EmbeddedPostgresOptions {
  /** The folder that keeps everything, absolute or relative; made when missing. */
  readonly dataDir: string;
  /** More server settings, by name. The durable ones (`fsync`, `synchronous_commit`, `full_page_writes`) are refused. */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * The only port at which it is of use, because somebody has its URLs: it is started there or, while another program has that, not at all. `last` is the
   * port of the last start.
   */
  readonly port?: number | 'last';
  /** Takes the few lines that a person may want to read. */
  readonly log?: Log;
}

/** A PostgreSQL server of our own. It outlives this process unless it is stopped. */
export interface EmbeddedPostgres {
  /** It was already running: an earlier process was killed, or another one uses it too. */
  readonly adopted: boolean;
  /** The process id of the server. */
  readonly pid: number;
  /** Where it takes connections, which its URLs name. */
  readonly port: number;
  /** The administrator's URL. */
  readonly adminUrl: string;
  /**
   * Makes a database and a role of the same name, which may use this database and no other, unless they exist.
   *
   * @param name lower-case letters, digits and underscores
   * @returns the URL for that role, good for as long as the data directory stays where it is
   */
  ensureDatabase(name: string): Promise<string>;
  /** Stops the server, for everybody who uses it, and waits until it has ended. Safe to call twice. */
  stop(): Promise<void>;
  /** Stops the server unless another one uses it, who has started or adopted it and not left. Safe to call twice. */
  leave(): Promise<void>;
}

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 60_000;
const pollMs = 20;
/** Sessions of a killed server end at their next pause; only then a new one may start. */
const restartDelayMs = 200;
// Below those that systems give to whoever connects, which would take the port while the server is restarted.
const portMin = 20_000;
const portMax = 32_767;
const portTriesMax = 100;
/** SQLSTATE `invalid_password`. */
const wrongPassword = '28P01';

/**
 * Starts the PostgreSQL kept in a data directory: makes it the first time, adopts it when it is running, restarts it
 * after a crash. Any number of processes may ask at once. After the server died under a living process, calling this
 * again with its `port` brings it back at the same URLs.
 *
 * @throws AppError `service.unavailable` whose message says what is wrong and what to do
 * @example
 * const postgres = await startEmbeddedPostgres({ dataDir: '.stoa' });
 * const url = await postgres.ensureDatabase('order');
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  assertDurable(options.settings ?? {});
  const wanted = resolve(options.dataDir);
  return explainingDiskProblems(wanted, async () => {
    const dataDir = await makeDataDir(wanted);
    const { postmaster, adopted, databases, use } = await connect(dataDir, options);
    const uncap = capLogFile(logFile(dataDir));
    let stopped: Promise<void> | undefined;
    const stop = async () => {
      uncap();
      await use.end();
      await databases.close();
      await stopPostmaster(await findClusterDir(dataDir), stopTimeoutMs);
    };
    const leave = async () => {
      if (await use.isLast()) return stop();
      uncap();
      await use.end();
      await databases.close();
    };
    return {
      adopted,
      pid: postmaster.pid,
      port: postmaster.port,
      adminUrl: databases.adminUrl,
      ensureDatabase: databases.ensure,
      stop: () => (stopped ??= stop()),
      leave: () => (stopped ??= leave()),
    };
  });
}

/** Stops the server of a data directory, whoever started it; does nothing when it is not running. */
export async function stopEmbeddedPostgres(dataDir: string): Promise<void> {
  const found = await realpath(dataDir).catch(() => undefined);
  if (found) await stopPostmaster(await findClusterDir(found), stopTimeoutMs);
}

/** Makes the folder that keeps everything when it is missing, so that the server's user can pass through; gives its real path. */
export async function makeDataDir(path: string): Promise<string> {
  const isNew = await makeFolder(path);
  // Root's server runs as another user, who has to pass through, whatever the umask says. Files inside have rights of their own.
  if (isNew && process.getuid?.() === 0) await chmod(path, 0o755);
  return realpath(path);
}

/** Makes a folder and those above it; says whether it is new. The recursive form of `mkdir` asks for ever where nothing can be made, as below /proc. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST' && (await isFolder(path))) return false;
    if (systemCode(error) !== 'ENOENT') throw error;
    if (await isFolder(dirname(path)))
      throw startProblem(`nothing can be made in ${dirname(path)}: choose another data directory`, error);
    await makeFolder(dirname(path));
    return makeFolder(path);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function logFile(dataDir: string): string {
  return join(dataDir, 'postgres.log');
}

interface Connected {
  readonly postmaster: Postmaster;
  readonly adopted: boolean;
  readonly databases: Databases;
  readonly use: Use;
}

async function connect(dataDir: string, options: EmbeddedPostgresOptions): Promise<Connected> {
  const deadlineMs = performance.now() + readyTimeoutMs;
  for (;;) {
    const { postmaster, adopted } = await adoptOrStart(dataDir, options, deadlineMs);
    const databases = openDatabases(postmaster, await adminPassword(dataDir));
    try {
      await databases.check();
      return { postmaster, adopted, databases, use: await holdUse(databases.adminUrl) };
    } catch (error) {
      await databases.close();
      if (systemCode(error) === wrongPassword) {
        const file = join(dataDir, 'postgres-password');
        const clusterDir = await findClusterDir(dataDir);
        if (!adopted) await stopPostmaster(clusterDir, stopTimeoutMs);
        throw startProblem(
          `the PostgreSQL of ${dataDir} does not let us in: ${file} is not the file it was made with, as after a clone was made anew at the same place. Put that file back, or remove ${clusterDir} to begin with an empty shop`,
          error,
        );
      }
      // It may have been stopped or killed since the look, by the last who used it before: then the next round starts it.
      if (performance.now() > deadlineMs) throw error;
    }
    await delay(pollMs);
  }
}

async function adoptOrStart(
  dataDir: string,
  options: EmbeddedPostgresOptions,
  deadlineMs: number,
): Promise<{ postmaster: Postmaster; adopted: boolean }> {
  while (performance.now() < deadlineMs) {
    const running = await readPostmaster(await findClusterDir(dataDir));
    if (running?.alive) {
      if (running.status === 'ready') return { postmaster: ofPort(running, dataDir, options.port), adopted: true };
    } else {
      const release = await tryStartLock(join(dataDir, 'postgres.lock'));
      if (release) {
        try {
          const postmaster = await start(dataDir, options, deadlineMs);
          if (postmaster) return { postmaster, adopted: false };
          await delay(restartDelayMs);
        } finally {
          await release();
        }
      }
    }
    await delay(pollMs);
  }
  throw startProblem(
    `the PostgreSQL in ${dataDir} was not ready within ${readyTimeoutMs / 1000} s: see ${logFile(dataDir)}`,
  );
}

function ofPort(running: Postmaster, dataDir: string, wanted: EmbeddedPostgresOptions['port']): Postmaster {
  if (typeof wanted !== 'number' || running.port === wanted) return running;
  throw startProblem(
    `the PostgreSQL in ${dataDir} is at port ${running.port} now, where somebody else has started it, and not at ${wanted}: start the shop anew`,
  );
}

/** Starts the server; undefined when another one turns out to be running, or the rest of a killed one not yet gone. */
async function start(
  dataDir: string,
  options: EmbeddedPostgresOptions,
  deadlineMs: number,
): Promise<Postmaster | undefined> {
  const log = options.log ?? (() => undefined);
  const site = await prepareSite(dataDir, log);
  await ensureCluster(site, log);
  const leftOver = await readPostmaster(site.clusterDir);
  if (leftOver?.alive) return undefined;
  const address = {
    port: await choosePort(dataDir, options.port),
    socketDirectory: await makeSocketFolder(site),
  };
  const result = await launch({
    site,
    address,
    settings: options.settings ?? {},
    logFile: logFile(dataDir),
    stalePid: leftOver?.pid,
    deadlineMs,
  });
  if ('pid' in result) {
    if (leftOver) log('PostgreSQL had been killed; it has recovered what was committed');
    return result;
  }
  if (/lock file .* already exists|pre-existing shared memory block|Address already in use/.test(result.log))
    return undefined;
  throw failedStart(site.clusterDir, logFile(dataDir), result);
}

function failedStart(clusterDir: string, file: string, ending: Ending): Error {
  return (
    diskProblem(clusterDir, ending.log) ??
    startProblem(`PostgreSQL did not start; its log ${file} ends with:\n${ending.log}`)
  );
}

/** The port that is asked for; else that of the last start while it is free, so that URLs stay as they are; else any free one. */
async function choosePort(dataDir: string, wanted: number | 'last' | undefined): Promise<number> {
  const path = join(dataDir, 'postgres-port');
  const last = Number(await readFile(path, 'utf8').catch(() => '0'));
  const usual = typeof wanted === 'number' ? wanted : last;
  if (usual > 0 && (await isPortFree(usual))) {
    if (usual !== last) await writeFile(path, String(usual));
    return usual;
  }
  if (wanted !== undefined && usual > 0)
    throw startProblem(
      `another program has taken port ${usual} of PostgreSQL on 127.0.0.1: end it, or start the shop anew`,
    );
  for (let tries = 0; tries < portTriesMax; tries++) {
    const port = randomInt(portMin, portMax + 1);
    if (!(await isPortFree(port))) continue;
    await writeFile(path, String(port));
    return port;
  }
  throw startProblem(`no TCP port from ${portMin} to ${portMax} seems to be free on 127.0.0.1`);
}
