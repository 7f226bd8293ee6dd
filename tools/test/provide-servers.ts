import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { findServer, type ServerName, type TestServer, testServers } from './test-servers.ts';

export interface ProvidedServers<Name extends string> {
  /** Variables that lead tests to the programs. */
  readonly environment: Readonly<Record<string, string>>;
  readonly missing: readonly Name[];
}

/** What providing depends on, so that it can be tried on a machine that has nothing. */
export interface Machine {
  readonly environment: NodeJS.ProcessEnv;
  /** Debian with root: packages can be installed. */
  readonly canInstall: boolean;
  /** A person to ask; undefined when nobody sits at a terminal. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
  readonly install: (server: TestServer) => Promise<void>;
  readonly say: (line: string) => void;
}

/** The machine the tests run on. */
export function thisMachine(): Machine {
  const atTerminal = process.stdin.isTTY && process.stdout.isTTY && !process.env.CI;
  return {
    environment: process.env,
    canInstall: existsSync('/etc/debian_version') && process.getuid?.() === 0,
    ask: atTerminal ? askAtTerminal : undefined,
    install: installOnDebian,
    // Not on stdout, where whoever runs this with --json expects data alone.
    say: (line) => process.stderr.write(`${line}\n`),
  };
}

/** Finds each server, installs those it may, and says exactly what is missing of the rest. */
export async function provideServers<Name extends string = ServerName>(
  names: Iterable<Name>,
  machine: Machine = thisMachine(),
  table: Readonly<Record<Name, TestServer>> = testServers as Readonly<Record<string, TestServer>>,
): Promise<ProvidedServers<Name>> {
  const environment: Record<string, string> = {};
  const missing: Name[] = [];
  for (const name of new Set(names)) {
    const server = table[name];
    const path = findServer(server, machine.environment) ?? (await getServer(name, server, machine));
    if (path) environment[server.variable] = path;
    else missing.push(name);
  }
  return { environment, missing };
}

async function getServer(name: string, server: TestServer, machine: Machine): Promise<string | undefined> {
  const { packages, release } = server.debian;
  const source = `${packages.join(' ')}${release ? ` (Debian ${release})` : ''}`;
  const how = `Debian package ${source}; elsewhere ${server.elsewhere}; or set ${server.variable} to the program's path`;
  if (!machine.canInstall) {
    machine.say(`Missing: ${name}. Get it as ${how}.`);
    return undefined;
  }
  if (machine.ask && !(await machine.ask(`Tests need ${name}. Install ${source} with apt-get?`))) {
    machine.say(`Missing: ${name}, not installed as you wish. Get it as ${how}.`);
    return undefined;
  }
  machine.say(`Installing ${name} with apt-get: ${source} …`);
  try {
    await machine.install(server);
  } catch (error) {
    machine.say(`Missing: ${name}. ${error instanceof Error ? error.message : error}. Get it as ${how}.`);
    return undefined;
  }
  const path = findServer(server, machine.environment);
  if (!path) machine.say(`Missing: ${name}. ${source} was installed, but brought no ${server.commands.join(' or ')}.`);
  return path;
}

async function askAtTerminal(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${question} [Y/n] `);
  terminal.close();
  return !/^n/i.test(answer.trim());
}

async function installOnDebian(server: TestServer): Promise<void> {
  const { packages, release } = server.debian;
  await withoutStartingServices(async () => {
    if (release) return installFromRelease(packages, release);
    runApt(['update'], 'the list of packages could not be fetched');
    runApt(['install', ...packages], `${packages.join(' ')} could not be installed`);
  });
}

/** Fetches packages of another release without adding it to the machine's own sources, then installs the files. */
async function installFromRelease(packages: readonly string[], release: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'stoa-apt-'));
  try {
    // apt downloads as its own user, who must be able to write here.
    await chmod(folder, 0o777);
    await mkdir(join(folder, 'lists', 'partial'), { recursive: true });
    const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
    await writeFile(
      join(folder, 'sources.list'),
      `deb [signed-by=${keys}] http://deb.debian.org/debian ${release} main\n`,
    );
    const own = ['-o', `Dir::Etc::SourceList=${join(folder, 'sources.list')}`, '-o', 'Dir::Etc::SourceParts=/dev/null'];
    const lists = ['-o', `Dir::State::Lists=${join(folder, 'lists')}`, '-o', 'Acquire::Languages=none'];
    runApt([...own, ...lists, 'update'], `the list of packages of ${release} could not be fetched`);
    runApt(
      [...own, ...lists, 'download', ...packages],
      `${packages.join(' ')} of ${release} could not be fetched`,
      folder,
    );
    const files = (await readdir(folder)).filter((file) => file.endsWith('.deb')).map((file) => join(folder, file));
    runApt(['update'], 'the list of packages could not be fetched');
    runApt(['install', ...files], `${packages.join(' ')} of ${release} could not be installed`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runApt(args: readonly string[], failure: string, folder = '/'): void {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-y', '-q', '--no-install-recommends'];
  const result = spawnSync('apt-get', [...options, ...args], { cwd: folder, env: environment, encoding: 'utf8' });
  if (result.status !== 0)
    throw new Error(`${failure}: ${(result.stderr ?? '').trim().split('\n').at(-1) ?? result.error?.message}`);
}

/** Debian's packages start their service when installed; tests want only the program. This file is Debian's own way to say so. */
async function withoutStartingServices(work: () => Promise<void>): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return work();
  await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await work();
  } finally {
    await rm(policy, { force: true });
  }
}
