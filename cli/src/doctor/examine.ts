import { accessSync, constants, existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import type { Environment } from '@stoa/platform/config';
import pg from 'pg';
import { dataDirOf } from '../shop/credentials.ts';
import { urlOf } from '../shop/shop.ts';

/** One thing that was looked at. `note`: it is not wrong, but worth knowing. */
export interface Examined {
  readonly name: string;
  readonly state: 'good' | 'note' | 'bad';
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
}

const nodeMajor = 24;
const freeBytesMin = 1_000_000_000;
const timeoutMs = 3_000;
const databaseServices = ['user', 'product', 'order', 'payment', 'inventory', 'shipping', 'notification', 'analytics'];

/** Looks at everything that a shop on this machine needs, and at the shop that the environment names. */
export async function examine(environment: Environment): Promise<Examined[]> {
  const health = await shopHealth(environment);
  const shopRuns = health.some(({ name, state }) => name === 'shop' && state === 'good');
  return [
    examineNode(),
    await examineDataDir(environment),
    await examinePort('port', Number(environment.PORT || 3000), 'PORT', shopRuns),
    await examinePort('metrics port', Number(environment.STOA_METRICS_PORT || 9464), 'STOA_METRICS_PORT', shopRuns),
    ...(await examineDatabases(environment)),
    ...health,
  ];
}

function examineNode(): Examined {
  const major = Number(process.versions.node.split('.')[0]);
  const detail = `Node ${process.versions.node}`;
  if (major >= nodeMajor) return { name: 'node', state: 'good', detail };
  return {
    name: 'node',
    state: 'bad',
    detail,
    advice: `Node ${nodeMajor} comes with the packages: run npm ci, and start with npx stoa.`,
  };
}

async function examineDataDir(environment: Environment): Promise<Examined> {
  const path = dataDirOf(environment);
  const name = 'data directory';
  let existing = path;
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK);
  } catch {
    return {
      name,
      state: 'bad',
      detail: `${existing} cannot be written to`,
      advice: 'Choose another with STOA_DATA_DIR, or give this user the right to write there.',
    };
  }
  const { bavail, bsize } = await statfs(existing);
  const gigabytes = ((bavail * bsize) / 1e9).toFixed(1);
  const detail = `${path}${existing === path ? '' : ' (not made yet)'}, ${gigabytes} GB free`;
  if (bavail * bsize >= freeBytesMin) return { name, state: 'good', detail };
  return { name, state: 'bad', detail, advice: 'PostgreSQL stops when the disk is full: free at least a gigabyte.' };
}

async function examinePort(name: string, port: number, setting: string, shopRuns: boolean): Promise<Examined> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return { name, state: 'bad', detail: `${setting} is no port`, advice: 'Give a number from 0 to 65535.' };
  }
  const taken = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(undefined)));
  });
  if (taken === undefined) return { name, state: 'good', detail: `${port} is free` };
  if (shopRuns && taken === 'EADDRINUSE') return { name, state: 'good', detail: `${port} is in use, and a shop runs` };
  return {
    name,
    state: 'bad',
    detail: `${port} cannot be listened on (${taken})`,
    advice: `End what uses it, or choose another with ${setting}.`,
  };
}

async function examineDatabases(environment: Environment): Promise<Examined[]> {
  const found: Examined[] = [];
  for (const service of databaseServices) {
    const setting = `STOA_${service.toUpperCase()}_DATABASE_URL`;
    const url = environment[setting];
    if (!url) continue;
    const name = `${service} database`;
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: timeoutMs });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ version: string; fsync: string }>(
        "select current_setting('server_version') as version, current_setting('fsync') as fsync",
      );
      const [row] = rows;
      const durable = row?.fsync === 'on';
      found.push({
        name,
        state: durable ? 'good' : 'bad',
        detail: `PostgreSQL ${row?.version}${durable ? '' : ', fsync is off'}`,
        ...(!durable && { advice: 'Without fsync a crash of the machine loses orders: turn it on.' }),
      });
    } catch (error) {
      const advice = `Is it running, and is ${setting} right? The role needs its own database.`;
      found.push({ name, state: 'bad', detail: (error as Error).message || 'it does not answer', advice });
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  if (found.length === 0) found.push({ name: 'databases', state: 'good', detail: 'embedded, in the data directory' });
  return found;
}

interface Health {
  readonly version: string;
  readonly uptimeS: number;
  readonly services: readonly {
    readonly name: string;
    readonly state: string;
    readonly latencyMs: number;
    readonly reason?: string;
  }[];
}

async function shopHealth(environment: Environment): Promise<Examined[]> {
  const url = urlOf(environment);
  try {
    const answer = await fetch(new URL('/health', url), { signal: AbortSignal.timeout(timeoutMs) });
    const { version, uptimeS, services } = (await answer.json()) as Health;
    return [
      { name: 'shop', state: 'good', detail: `version ${version} at ${url.origin}, up for ${Math.round(uptimeS)} s` },
      ...services.map(({ name, state, latencyMs, reason }): Examined => {
        if (state === 'up') return { name, state: 'good', detail: `up, ${latencyMs} ms` };
        const advice =
          'Look at the log of the process that hosts it, or at /health on its STOA_METRICS_PORT; npx stoa sagas and dead-letters show what waits for it.';
        return {
          name,
          state: state === 'down' ? 'bad' : 'note',
          detail: `${state}: ${reason ?? 'no reason given'}`,
          advice,
        };
      }),
    ];
  } catch {
    // Where none was named none need be: it may not have been started yet.
    const named = Boolean(environment.STOA_URL);
    return [
      {
        name: 'shop',
        state: named ? 'bad' : 'note',
        detail: `none answers at ${url.origin}`,
        advice: named
          ? 'Is it running, and is STOA_URL right?'
          : 'Start one with npx stoa up, or say where it is with STOA_URL.',
      },
    ];
  }
}
