import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Health } from '@stoa/contracts/gateway';
import { type Environment, readSettings, setting } from '@stoa/platform/config';
import { isPortFree, poolConnectionsMax } from '@stoa/platform/embedded';
import { fault } from '@stoa/platform/errors';
import { urlOnThisMachine } from '@stoa/platform/http';
import { databaseSetting } from '@stoa/platform/service';
import { createLog, type Logger } from '@stoa/platform/telemetry';
import { type Admin, firstAdmin } from './admin.ts';
import { type Databases, openDatabases } from './databases.ts';
import { demoFailed, seedDemo } from './demo/seed.ts';
import { drainGraceMs } from './fleet.ts';
import { portSetting, ports } from './places.ts';
import { services } from './services.ts';
import { readSystemSettings } from './settings.ts';

export interface SplitOptions {
  readonly environment: Environment;
  readonly demo: boolean;
  /** Processes of each service. */
  readonly replicas: number;
  /** The program and arguments that host one service, without its name: `node … main.ts up`. */
  readonly command: readonly string[];
  /** Breaks the start off: what has been started by then is ended. */
  readonly signal?: AbortSignal;
}

/** A process a service on this machine, while they run. */
export interface SplitShop {
  readonly url: string;
  readonly admin: Admin;
  /** For how long its processes go on answering once they are told to stop; a stop takes that longer. */
  readonly graceMs: number;
  readonly processes: readonly { readonly name: string; readonly port: number; readonly metricsUrl: string }[];
  stop(deadlineMs?: number): Promise<void>;
}

/** One process: which service it hosts and where. */
interface Place {
  readonly service: string;
  readonly port: number;
  readonly metricsPort: number;
}

const metricsPortFirst = 9464;
const portMax = 65_535;
/** Between the ports of a service's first process and of its second. */
const replicaStep = 100;
const drainMs = 9_000;

/**
 * Runs a process a service on this machine, on the embedded PostgreSQL unless told otherwise, and looks after them: one that dies is started again.
 * Each is given its own database's credentials and no other's.
 *
 * @throws AppError `service.unavailable` when one of them cannot start, or when the start was broken off
 */
export async function openSplit(options: SplitOptions): Promise<SplitShop> {
  const { environment, demo, replicas, command, signal = new AbortController().signal } = options;
  process.title = 'stoa split';
  const settings = readSystemSettings(environment);
  const dataDir = resolve(settings.STOA_DATA_DIR);
  const log = createLog({ level: settings.STOA_LOG_LEVEL });
  const admin = await firstAdmin(environment, dataDir);
  const databases = openDatabases(environment, { dataDir, embedded: true, log });
  const children: Child[] = [];
  const graceMs = splitGraceMs(environment);
  const stop = async (deadlineMs = Date.now() + graceMs + drainMs) => {
    for (const child of children) child.expectEnd();
    // The door first: what it has let in can still be answered. Half of the time is its own, however slow that is; the others drain in what is left.
    const isDoor = ({ place }: Child) => ports.get(place.service) === ports.get('gateway');
    const doorMs = Date.now() + (deadlineMs - Date.now()) / 2;
    await Promise.all(children.filter(isDoor).map((child) => child.stop(doorMs)));
    await Promise.all(children.filter((child) => !isDoor(child)).map((child) => child.stop(deadlineMs)));
    await databases.close();
  };
  try {
    const places = await choosePlaces(environment, replicas);
    const named = environment.STOA_DATABASE_CONNECTIONS ? settings.STOA_DATABASE_CONNECTIONS : undefined;
    const connections = shareOf(environment, places, named);
    const shared = sharedEnvironment(environment, { dataDir, places, connections });
    for (const place of places) {
      const own = await ownEnvironment(environment, place, { admin, databases });
      if (signal.aborted) throw brokenOff();
      children.push(new Child(place, command, { ...shared, ...own }, log));
    }
    const url = urlOnThisMachine(environment.STOA_HOST || '0.0.0.0', places[0]?.port ?? 0);
    await Promise.race([
      Promise.all(children.map((child) => child.started)).then(() => untilReady(url, signal)),
      whenAborted(signal),
    ]);
    if (demo) await seedDemo({ url, admin, log }).catch(demoFailed(log));
    return {
      url,
      admin,
      graceMs,
      processes: places.map(({ service: name, port, metricsPort }) => ({
        name,
        port,
        metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
      })),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The door's and then the others'. @throws AppError `config.invalid` */
export function splitGraceMs(environment: Environment): number {
  return 2 * drainGraceMs(environment);
}

const poolMin = 3;
const poolUsual = 10;

/**
 * The connections of each process to the embedded PostgreSQL, beside the one on which it listens: as many as the settings name, or its part of all there are.
 *
 * @throws AppError `config.invalid` when it cannot serve so many
 */
function shareOf(environment: Environment, places: readonly Place[], named: number | undefined): number {
  const served = places.filter(({ service }) => service !== 'gateway' && !environment[databaseSetting(service)]).length;
  if (served === 0) return named ?? poolUsual;
  const most = Math.floor(poolConnectionsMax / served) - 1;
  if (most < poolMin)
    throw fault(
      'config.invalid',
      `The embedded PostgreSQL cannot serve ${served} processes: choose fewer replicas, or name databases of your own (${databaseSetting('order')} …).`,
    );
  if (named !== undefined && named > most)
    throw fault(
      'config.invalid',
      `STOA_DATABASE_CONNECTIONS is ${named} for each of ${served} processes, more than the embedded PostgreSQL has: choose ${most} at most, or name databases of your own (${databaseSetting('order')} …).`,
    );
  return named ?? Math.min(poolUsual, most);
}

const readyMsMax = 60_000;

/** Waits until the gateway has found every service: with a registry that takes until it has looked at them. */
async function untilReady(url: string, signal: AbortSignal): Promise<void> {
  for (const endMs = Date.now() + readyMsMax; !signal.aborted; await sleep(50)) {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    const health = (await answer?.json().catch(() => undefined)) as Health | undefined;
    const away = health?.services.filter(({ name, state }) => ports.has(name) && state !== 'up');
    if (away?.length === 0) return;
    if (Date.now() > endMs) {
      const why = away?.map(({ name, reason }) => `${name}: ${reason ?? 'away'}`).join('; ') ?? 'no answer';
      throw fault('service.unavailable', `The shop did not get ready within ${readyMsMax / 1000} s: ${why}`);
    }
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(brokenOff()), { once: true });
  });
}

const brokenOff = () => fault('service.unavailable', 'The shop was told to stop while it started.');

/**
 * The ports of every process: those of the table unless the settings name others, each replica a hundred further; where `PORT` is 0, free ones for whatever
 * is not named.
 *
 * @throws AppError `config.invalid` when a port is none, or two processes would have one
 */
async function choosePlaces(environment: Environment, replicas: number): Promise<Place[]> {
  const described = (usual: number) => setting.port({ default: usual, describe: 'Where a process takes requests' });
  const placeAt = async (name: string, usual: number, shift: number) => {
    const { [name]: port = usual } = readSettings(environment, { [name]: described(usual) });
    const isFree = port === 0 || (!environment[name] && environment.PORT === '0');
    if (!isFree && port + shift > portMax)
      throw fault(
        'config.invalid',
        `${name} is ${port}, and a process beside it would have port ${port + shift}: choose one further below ${portMax}.`,
      );
    return isFree ? freePort(chosen) : port + shift;
  };
  const chosen = new Set<number>();
  const places: Place[] = [];
  for (let replica = 0; replica < replicas; replica++) {
    for (const [index, { name: service, edge }] of services.entries()) {
      const shift = replica * replicaStep;
      places.push({
        service,
        port: await placeAt(edge === undefined ? portSetting(service) : 'PORT', ports.get(service) ?? 0, shift),
        metricsPort: await placeAt('STOA_METRICS_PORT', metricsPortFirst, index + shift),
      });
    }
  }
  const all = places.flatMap(({ port, metricsPort }) => [port, metricsPort]);
  const twice = all.find((port, at) => all.indexOf(port) < at);
  if (twice !== undefined) throw fault('config.invalid', `Two processes would have port ${twice}: choose other ports.`);
  return places;
}

function sharedEnvironment(
  environment: Environment,
  { dataDir, places, connections }: { dataDir: string; places: Place[]; connections: number },
): Record<string, string | undefined> {
  const own = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => value && !name.endsWith('_DATABASE_URL')),
  );
  const scheme = environment.STOA_TLS_DIR ? 'https' : 'http';
  const urls = new Map<string, string[]>();
  for (const { service, port } of places.filter((place) => place.service !== 'gateway'))
    urls.set(service, [...(urls.get(service) ?? []), `${scheme}://127.0.0.1:${port}`]);
  return {
    STOA_DISCOVERY: `static:${[...urls].map(([service, list]) => `${service}=${list.join(',')}`).join(';')}`,
    STOA_SERVICE_SECRET: randomBytes(32).toString('base64url'),
    STOA_DATABASE_CONNECTIONS: String(connections),
    ...own,
    STOA_DATA_DIR: dataDir,
    STOA_ADMIN_EMAIL: undefined,
    STOA_ADMIN_PASSWORD: undefined,
    STOA_DEMO: '0',
  };
}

async function ownEnvironment(
  environment: Environment,
  { service, port, metricsPort }: Place,
  { admin, databases }: { admin: Admin; databases: Databases },
): Promise<Record<string, string>> {
  // As `stoa certs` lays them out: a folder a service.
  const tls = environment.STOA_TLS_DIR ? { STOA_TLS_DIR: resolve(environment.STOA_TLS_DIR, service) } : {};
  const own = { STOA_METRICS_PORT: String(metricsPort), ...tls };
  if (service === 'gateway') return { ...own, PORT: String(port) };
  const database = { [databaseSetting(service)]: await databases.urlOf(service) };
  // Nobody else has to know the password of who may do everything.
  const first = service === 'user' && { STOA_ADMIN_EMAIL: admin.email, STOA_ADMIN_PASSWORD: admin.password };
  return { ...own, ...database, ...first, [portSetting(service)]: String(port) };
}

/** How `stoa up` ends when something that it needs cannot be reached. */
const unavailableCode = 5;
const restartDelayMsMin = 200;
const restartDelayMsMax = 5_000;
/** A process that has run for so long was not broken from the start. */
const settledMs = 30_000;

/** A process that is started again when it dies. */
class Child {
  readonly place: Place;
  /** Settles when it has answered for the first time; rejects when it ended before. */
  readonly started: Promise<void>;
  readonly #command: readonly string[];
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #log: Logger;
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #stopping = new AbortController();
  #failures = 0;

  constructor(
    place: Place,
    command: readonly string[],
    environment: Readonly<Record<string, string | undefined>>,
    log: Logger,
  ) {
    this.place = place;
    this.#command = command;
    this.#environment = environment;
    this.#log = log;
    this.started = this.#start();
    // Whoever stops because another one failed need not wait for this.
    this.started.catch(() => undefined);
  }

  /** From now on its end is no accident. */
  expectEnd(): void {
    this.#stopping.abort();
  }

  /** Asks it to drain; ends it when the deadline has passed. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort();
    this.#process?.kill('SIGTERM');
    const timer = setTimeout(() => this.#process?.kill('SIGKILL'), Math.max(deadlineMs - Date.now(), 0));
    await this.#ended;
    clearTimeout(timer);
  }

  #start(): Promise<void> {
    const { service, port } = this.place;
    const [program = process.execPath, ...args] = this.#command;
    const startedAtMs = performance.now();
    const child = spawn(program, [...args, service], {
      env: this.#environment as NodeJS.ProcessEnv,
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      // In a group of its own, so that Ctrl-C reaches it through this process, in order.
      detached: true,
    });
    this.#process = child;
    const words = new Words(child.stderr);
    // A program that could not even be started gives an error and no exit.
    const ended = new Promise<string>((resolve) => {
      child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
      child.on('error', (error) => child.pid === undefined && resolve(error.message));
    });
    this.#ended = ended.then(() => undefined);
    return new Promise((resolve, reject) => {
      let ready = false;
      child.once('message', () => {
        ready = true;
        words.passOn();
        resolve();
      });
      void ended.then((how) => {
        if (!ready) reject(notStarted(service, how, words.heard));
        if (this.#stopping.signal.aborted || (!ready && this.#failures === 0)) return;
        words.passOn();
        this.#log.warn({ service, port, how }, 'a process has ended; starting it again');
        this.#failures = performance.now() - startedAtMs > settledMs ? 1 : this.#failures + 1;
        void this.#startAgain();
      });
    });
  }

  async #startAgain(): Promise<void> {
    const delayMs = Math.min(restartDelayMsMax, restartDelayMsMin * 2 ** (this.#failures - 1));
    await sleep(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    if (this.#stopping.signal.aborted) return;
    await this.#start().catch(() => undefined);
  }
}

/** What a process says beside its log. Nine that start may all say the same: of those that cannot, the first is quoted and the others are not. */
class Words {
  #heard = '';
  #isPassedOn = false;

  constructor(from: Readable | null) {
    from?.on('data', (chunk: Buffer) => {
      if (this.#isPassedOn) process.stderr.write(chunk);
      else this.#heard += chunk.toString('utf8');
    });
  }

  get heard(): string {
    return this.#heard.trim();
  }

  /** Lets everything out that has been said, and will be. */
  passOn(): void {
    this.#isPassedOn = true;
    process.stderr.write(this.#heard);
    this.#heard = '';
  }
}

/** Why a process did not start: its own words, where it had any, and its own kind of ending. */
function notStarted(service: string, how: string, words: string): Error {
  if (words === '') return fault('service.unavailable', `${service} did not start (${how}).`);
  return fault(how === `exit code ${unavailableCode}` ? 'service.unavailable' : 'config.invalid', words);
}

/**
 * A port that nobody has just now, and that was not chosen before. Below those that the system gives to outgoing connections, so that none of them takes it
 * before its owner does, and below those of the embedded PostgreSQL.
 */
async function freePort(chosen: Set<number>): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    if (chosen.has(port)) continue;
    chosen.add(port);
    if (await isPortFree(port)) return port;
  }
}
