import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** Node's flags for a process whose profile goes into `dir` when it ends. */
export const profileFlags = (dir: string) => ['--cpu-prof', `--cpu-prof-dir=${dir}`];

/** Server settings with which PostgreSQL counts what each statement costs. */
export const profileSettings = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track_planning': 'on',
};

const functionsMax = 25;
const foldersMax = 20;
const statementsMax = 20;
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface CpuProfile {
  readonly nodes: readonly { id: number; callFrame: Frame; children?: readonly number[] }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  /** Microseconds of the machine's steady clock. */
  readonly startTime: number;
}

/** What a profile of several processes is told about them. */
export interface Profiled {
  /** Names by process id: each one's part is said first. */
  readonly services: ReadonlyMap<number, string>;
  /** `nowMicros()` where what counts begins and ends: starts of processes are left out. */
  readonly fromMicros: number;
  readonly toMicros: number;
}

/** The machine's steady clock, on which all processes agree. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** What one process, or several together, did while they were not idle. */
interface Work {
  readonly ofFunction: Map<string, number>;
  readonly ofFolder: Map<string, number>;
  busyMicros: number;
}

/**
 * Where processes spent the time in which they were not idle: the functions that took most themselves, and the folders of ours and of packages, to
 * which what Node and V8 did for them is charged.
 */
export async function describeProfile(dir: string, of?: Profiled): Promise<string[]> {
  const all: Work = { ofFunction: new Map(), ofFolder: new Map(), busyMicros: 0 };
  const shares: string[] = [];
  for (const name of await readdir(dir)) {
    if (!name.endsWith('.cpuprofile')) continue;
    const before = all.busyMicros;
    addProfile(all, JSON.parse(await readFile(join(dir, name), 'utf8')) as CpuProfile, of);
    // CPU.20261121.051530.4711.0.001.cpuprofile: the fourth part is the process.
    const service = of?.services.get(Number(name.split('.')[3]));
    if (service) shares.push(`  ${((all.busyMicros - before) / 1000).toFixed(0).padStart(7)} ms  ${service}`);
  }
  const lines = (parts: Map<string, number>, max: number) =>
    [...parts]
      .sort(([, a], [, b]) => b - a)
      .slice(0, max)
      .map(([name, micros]) => `  ${((micros / all.busyMicros) * 100).toFixed(1).padStart(5)} %  ${name}`);
  return [
    ...(shares.length > 1 ? ['Node, by process:', ...shares.sort().reverse()] : []),
    'Node, by folder, with what Node and V8 did for it:',
    ...lines(all.ofFolder, foldersMax),
    'Node, by function, alone:',
    ...lines(all.ofFunction, functionsMax),
  ];
}

function addProfile(work: Work, { nodes, samples, timeDeltas, startTime }: CpuProfile, of: Profiled | undefined): void {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  let atMicros = startTime;
  samples.forEach((id, at) => {
    const frame = frames.get(id);
    const micros = timeDeltas[at] ?? 0;
    atMicros += micros;
    if (of && (atMicros < of.fromMicros || atMicros > of.toMicros)) return;
    if (!frame || frame.functionName === '(idle)') return;
    work.busyMicros += micros;
    const place = placeOf(frame.url);
    const name = `${frame.functionName || '(anonymous)'}  ${place && `${place}:${frame.lineNumber + 1}`}`;
    add(work.ofFunction, name, micros);
    let payer: number | undefined = id;
    while (payer !== undefined && !isCode(frames.get(payer))) payer = parents.get(payer);
    const paid = payer === undefined ? undefined : frames.get(payer);
    add(
      work.ofFolder,
      paid ? folderOf(placeOf(paid.url)) : `Node itself, ${frame.functionName || 'callbacks'}`,
      micros,
    );
  });
}

/** Whether a frame is in a file of ours or of a package, not in Node or V8. */
function isCode(frame: Frame | undefined): boolean {
  return frame?.url.startsWith('file://') === true;
}

function placeOf(url: string): string {
  return url.startsWith('file://') ? relative(root, fileURLToPath(url)) : url;
}

function folderOf(place: string): string {
  const parts = place.split('/');
  const depth = parts[0] === 'node_modules' && !parts[1]?.startsWith('@') ? 2 : 3;
  return parts.slice(0, depth).join('/');
}

function add(to: Map<string, number>, name: string, amount: number): void {
  to.set(name, (to.get(name) ?? 0) + amount);
}

interface WithPostgres {
  readonly postgres: { readonly adminUrl: string };
}

/** Begins to count statements from here on. Call `describeStatements` later. */
export async function resetStatements({ postgres }: WithPostgres): Promise<void> {
  await withAdmin(postgres.adminUrl, async (client) => {
    await client.query('create extension if not exists pg_stat_statements');
    await client.query('select pg_stat_statements_reset()');
  });
}

/** The statements that took most of PostgreSQL's time. */
export async function describeStatements({ postgres }: WithPostgres): Promise<string[]> {
  return withAdmin(postgres.adminUrl, async (client) => {
    const { rows } = await client.query<{
      database: string;
      calls: number;
      plans: number;
      planning: number;
      executing: number;
      query: string;
    }>(
      `select datname as database, calls::integer as calls, plans::integer as plans, total_plan_time as planning, total_exec_time as executing,
              left(regexp_replace(query, '\\s+', ' ', 'g'), 110) as query
       from pg_stat_statements s join pg_database d on d.oid = s.dbid
       order by total_plan_time + total_exec_time desc limit ${statementsMax}`,
    );
    return [
      'PostgreSQL, by time:  planned ms   executed ms   calls',
      ...rows.map(({ database, calls, planning, executing, query }) => {
        const cells = [planning.toFixed(0).padStart(21), executing.toFixed(0).padStart(12), String(calls).padStart(9)];
        return `${cells.join(' ')}  ${database}: ${query}`;
      }),
    ];
  });
}

async function withAdmin<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
