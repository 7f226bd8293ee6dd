import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program that only tests or benches need, where it is looked for, and how it is got. */
export interface TestServer {
  /** Names it goes by on the path; the first one found is used. */
  readonly commands: readonly string[];
  /** Holds the program's path: read before the path is searched, and set for the test that asked. */
  readonly variable: string;
  readonly debian: {
    readonly packages: readonly string[];
    /** A release other than the machine's own that still carries it. */
    readonly release?: string;
  };
  /** What to do on a system that is not Debian, or without root. */
  readonly elsewhere: string;
}

/** Every server a test may ask for with a line such as `// needs: redis rabbitmq`. */
export const testServers = {
  redis: {
    commands: ['redis-server', 'valkey-server'],
    variable: 'STOA_TEST_REDIS_SERVER',
    debian: { packages: ['redis-server'] },
    elsewhere: 'https://redis.io/docs/latest/operate/oss_and_stack/install/ (macOS: brew install redis)',
  },
  rabbitmq: {
    commands: ['rabbitmq-server'],
    variable: 'STOA_TEST_RABBITMQ_SERVER',
    debian: { packages: ['rabbitmq-server'] },
    elsewhere: 'https://www.rabbitmq.com/docs/download (macOS: brew install rabbitmq)',
  },
  consul: {
    commands: ['consul'],
    variable: 'STOA_TEST_CONSUL',
    // Debian 12 dropped it when its licence changed. Debian 11's is one static program and runs there.
    debian: { packages: ['consul'], release: 'bullseye' },
    elsewhere: 'https://developer.hashicorp.com/consul/install',
  },
  nginx: {
    commands: ['nginx'],
    variable: 'STOA_TEST_NGINX',
    debian: { packages: ['nginx-light'] },
    elsewhere: 'https://nginx.org/en/download.html (macOS: brew install nginx)',
  },
  prometheus: {
    commands: ['prometheus'],
    variable: 'STOA_TEST_PROMETHEUS',
    debian: { packages: ['prometheus'] },
    elsewhere: 'https://prometheus.io/download/ (macOS: brew install prometheus)',
  },
  chromium: {
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
    variable: 'STOA_TEST_CHROMIUM',
    debian: { packages: ['chromium'] },
    elsewhere: 'https://www.chromium.org/getting-involved/download-chromium/',
  },
  pgbench: {
    commands: ['pgbench'],
    variable: 'STOA_BENCH_PGBENCH',
    debian: { packages: ['postgresql-contrib'] },
    elsewhere: 'https://www.postgresql.org/download/ (macOS: brew install postgresql)',
  },
} as const satisfies Record<string, TestServer>;

export type ServerName = keyof typeof testServers;

export function isServerName(word: string): word is ServerName {
  return Object.hasOwn(testServers, word);
}

/**
 * The path of a server's program, or undefined when this machine has none. A variable that is set but leads nowhere is an error: whoever
 * set it did not mean another program.
 */
export function findServer(server: TestServer, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = environment[server.variable];
  if (named) {
    if (!existsSync(named)) throw new Error(`${server.variable} is ${named}, and there is no such file`);
    return named;
  }
  const folders = [...(environment.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', ...postgresFolders()];
  for (const command of server.commands) {
    for (const folder of folders) {
      const path = join(folder, process.platform === 'win32' ? `${command}.exe` : command);
      if (folder !== '' && existsSync(path)) return path;
    }
  }
  return undefined;
}

/** Debian keeps most of PostgreSQL's programs off the path, in a folder a version; the newest comes first. */
function postgresFolders(): string[] {
  const parent = '/usr/lib/postgresql';
  if (!existsSync(parent)) return [];
  const newestFirst = readdirSync(parent).sort((a, b) => Number(b) - Number(a));
  return newestFirst.map((version) => join(parent, version, 'bin'));
}
