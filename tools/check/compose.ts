import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import { pageProblems } from './compose-pages.ts';

const file = 'deploy/compose/compose.yaml';
const databasesFile = 'deploy/compose/postgres/10-databases.sh';
const exampleFile = 'deploy/compose/.env.example';
const portsFile = 'system/src/places.ts';
const guide = 'docs/guides/compose.md';
/** A process drains for 10 s; whoever kills it sooner cuts requests off. */
const drainS = 10;

interface Container {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly init?: boolean;
  readonly stop_grace_period?: string;
  readonly healthcheck?: { readonly test?: readonly string[] };
  readonly restart?: string;
}

interface Fleet {
  readonly containers: Readonly<Record<string, Container>>;
  readonly volumes: readonly string[];
  readonly services: readonly { readonly name: string; readonly keepsData: boolean }[];
  readonly text: string;
}

/** Where the Compose file, the list of services, the settings, the databases and the guide do not say the same. */
export async function run(root: string): Promise<string[]> {
  const read = (path: string) => readFile(join(root, path), 'utf8').catch(() => '');
  const text = await read(file);
  const fleet = { ...parseFleet(text), services: await readServices(root), text };
  if (fleet.services.length === 0) return ['system/src/services.ts lists no service: nothing was checked'];
  const { ports } = (await load(root, portsFile)) as { ports: ReadonlyMap<string, number> };
  return [
    ...processProblems(fleet),
    ...credentialProblems(fleet),
    ...hardeningProblems(fleet),
    ...settingProblems(fleet, await read('docs/reference/settings.md')),
    ...databaseProblems(fleet, await read(databasesFile)),
    ...exampleProblems(fleet, await read(exampleFile)),
    ...portProblems(ports, await read(guide)),
    ...addressProblems(fleet, ports),
    ...pageProblems(ports, {
      readme: await read('README.md'),
      fleetGuide: await read('docs/guides/fleet.md'),
      dockerfile: await read('Dockerfile'),
      door: await read('deploy/compose/edge/nginx.conf'),
    }),
  ];
}

function parseFleet(text: string): Pick<Fleet, 'containers' | 'volumes'> {
  const { services = {}, volumes = {} } = (parse(text, { merge: true }) ?? {}) as {
    services?: Record<string, Container>;
    volumes?: Record<string, unknown>;
  };
  return { containers: services, volumes: Object.keys(volumes) };
}

function load(root: string, path: string): Promise<unknown> {
  return import(pathToFileURL(join(root, path)).href);
}

async function readServices(root: string): Promise<Fleet['services']> {
  const { services } = (await load(root, 'system/src/services.ts')) as {
    services: readonly { name: string; migrations?: unknown }[];
  };
  return services.map(({ name, migrations }) => ({ name, keepsData: migrations !== undefined }));
}

/** Containers that run `stoa up …`: one for each service, named and hosting as it is called. */
function hosts({ containers }: Fleet): [string, Container][] {
  return Object.entries(containers).filter(([, { command }]) => command?.[0] === 'up');
}

function* processProblems(fleet: Fleet): Generator<string> {
  const names = fleet.services.map(({ name }) => name);
  yield* difference(
    names,
    hosts(fleet).map(([name]) => name),
    `${file} does not run`,
    `${file} runs`,
  );
  for (const [name, { command = [] }] of hosts(fleet)) {
    if (command.join(' ') !== `up ${name}`) yield `${file}: ${name} runs \`stoa ${command.join(' ')}\``;
  }
}

/** Nobody holds another's key, and everybody their own. */
function* credentialProblems(fleet: Fleet): Generator<string> {
  for (const [name, { environment = {}, volumes = [] }] of hosts(fleet)) {
    const { keepsData = false } = fleet.services.find((service) => service.name === name) ?? {};
    const own = `STOA_${name.toUpperCase()}_DATABASE_URL`;
    const password = `\${${name.toUpperCase()}_DATABASE_PASSWORD`;
    for (const [setting, value] of Object.entries(environment)) {
      if (!setting.endsWith('_DATABASE_URL')) continue;
      if (setting !== own) yield `${file}: ${name} is given ${setting}`;
      const isOwn = value.startsWith(`postgres://${name}:${password}`) && value.endsWith(`/${name}`);
      if (!isOwn) yield `${file}: ${own} does not lead to the database of ${name} with its own role and password`;
    }
    if (keepsData && !(own in environment)) yield `${file}: ${name} keeps data and is not given ${own}`;
    const folder = `/var/lib/stoa-tls/${name}`;
    if (environment['STOA_TLS_DIR'] !== folder) yield `${file}: STOA_TLS_DIR of ${name} is not ${folder}`;
    const certificates = volumes.filter((volume) => volume.startsWith('tls-')).join();
    if (certificates !== `tls-${name}:${folder}:ro`)
      yield `${file}: ${name} mounts ${certificates || 'no certificate'}, and not its own, read-only`;
  }
  const made = (fleet.containers['certificates']?.volumes ?? []).map((volume) => volume.split(':')[0] ?? '');
  const wanted = ['tls-ca', ...fleet.services.map(({ name }) => `tls-${name}`)];
  yield* difference(wanted, made, `${file}: certificates does not fill`, `${file}: certificates fills`);
  const declared = fleet.volumes.filter((volume) => volume.startsWith('tls-'));
  yield* difference(wanted, declared, `${file} has no volume`, `${file} has an unused volume`);
}

function* hardeningProblems({ containers }: Fleet): Generator<string> {
  for (const [name, container] of Object.entries(containers)) {
    const lacks = (what: string) => `${file}: ${name} has no ${what}`;
    if (container.read_only !== true) yield lacks('read-only root');
    if (container.cap_drop?.join() !== 'ALL') yield lacks('cap_drop: [ALL]');
    if (!container.security_opt?.includes('no-new-privileges:true')) yield lacks('no-new-privileges');
    if (container.mem_limit === undefined) yield lacks('mem_limit');
    if (container.init !== true) yield lacks('init');
    if (container.restart === 'no') continue;
    if (container.healthcheck?.test === undefined) yield lacks('health check');
    const graceS = Number(/^(\d+)s$/.exec(container.stop_grace_period ?? '')?.[1] ?? 0);
    const neededS = drainS + answeringS(container.environment?.['STOA_DRAIN_GRACE']);
    if (graceS <= neededS)
      yield `${file}: ${name} may be killed after ${graceS} s, and a drain takes up to ${neededS} s`;
  }
}

/** How long a process answers before it drains; half a second unless it is told. */
function answeringS(setting = '500ms'): number {
  const [, number = '0', unit] = /(\d+)(ms|s|m)\}?$/.exec(setting) ?? [];
  return Number(number) * (unit === 'ms' ? 0.001 : unit === 'm' ? 60 : 1);
}

function* settingProblems(fleet: Fleet, page: string): Generator<string> {
  const described = new Set([...page.matchAll(/^\| `([A-Z][A-Z0-9_<>]*)` \|/gm)].map(([, name = '']) => name));
  const given = new Set(Object.values(fleet.containers).flatMap(({ environment = {} }) => Object.keys(environment)));
  for (const name of given) {
    if (!/^(STOA|OTEL)_|^PORT$/.test(name)) continue;
    const pattern = fleet.services.reduce(
      (text, service) => text.replace(`STOA_${service.name.toUpperCase()}_`, 'STOA_<SERVICE>_'),
      name,
    );
    if (!described.has(name) && !described.has(pattern))
      yield `${file} sets ${name}, which docs/reference/settings.md does not describe`;
  }
}

function* databaseProblems({ containers, services }: Fleet, script: string): Generator<string> {
  const keepers = services.filter(({ keepsData }) => keepsData).map(({ name }) => name);
  const made = /^for service in (.*); do$/m.exec(script)?.[1]?.split(' ') ?? [];
  yield* difference(keepers, made, `${databasesFile} does not make`, `${databasesFile} makes`);
  const told = Object.keys(containers['postgres']?.environment ?? {}).filter((name) =>
    name.endsWith('_DATABASE_PASSWORD'),
  );
  const passwords = keepers.map((name) => `${name.toUpperCase()}_DATABASE_PASSWORD`);
  yield* difference(passwords, told, `${file}: postgres is not given`, `${file}: postgres is given`);
}

function* exampleProblems({ text }: Fleet, example: string): Generator<string> {
  const asked = new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name = '']) => name));
  // For compose.tls.yaml.
  const elsewhere = ['HTTPS_PORT', 'EDGE_CERTIFICATE_FILE', 'EDGE_KEY_FILE'];
  const offered = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name = '']) => name);
  yield* difference([...asked, ...elsewhere], offered, `${exampleFile} does not offer`, `${exampleFile} offers`);
}

/** Where the command line finds the shop. */
function* addressProblems({ containers }: Fleet, ports: ReadonlyMap<string, number>): Generator<string> {
  const url = `http://gateway:${ports.get('gateway')}`;
  const given = Object.entries(containers).filter(([, { environment }]) => environment?.['STOA_URL'] !== undefined);
  if (given.length === 0) yield `${file} gives nobody STOA_URL`;
  for (const [name, { environment }] of given)
    if (environment?.['STOA_URL'] !== url) yield `${file}: STOA_URL of ${name} is not ${url}`;
}

/** The table of the guide: a row `| order | 4003 | …` a service. */
function* portProblems(ports: ReadonlyMap<string, number>, page: string): Generator<string> {
  const pairs = [...ports].map(([name, port]) => `${name} at ${port}`);
  const rows = [...page.matchAll(/^\| `([a-z]+)` \| (\d+) \|/gm)].map(([, name, port]) => `${name} at ${port}`);
  yield* difference(pairs, rows, `${guide} does not show`, `${guide} shows`);
}

function* difference(
  wanted: readonly string[],
  found: readonly string[],
  lacks: string,
  hasMore: string,
): Generator<string> {
  for (const one of wanted) if (!found.includes(one)) yield `${lacks} ${one}`;
  for (const one of found) if (!wanted.includes(one)) yield `${hasMore} ${one}, which is not wanted`;
}
