import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serviceNames } from '@stoa/system';
import { openTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** The way from one process to another, or to a server. */
export interface Link {
  readonly from: string;
  readonly to: string;
  readonly proxy: TcpProxy;
  /** Whether the network on it was ever a hole and ever slow while something was on its way. */
  wasHeld: boolean;
  wasSlowed: boolean;
}

/** Every way between the processes of a fleet and to their servers, each through a proxy of its own. */
export class Links {
  readonly #all: Link[] = [];
  readonly #calls: ReadonlySet<string>;

  private constructor(calls: ReadonlySet<string>) {
    this.#calls = calls;
  }

  static async open(): Promise<Links> {
    return new Links(await callsOfTheShop());
  }

  /** Leads a URL through a proxy of this link's own. */
  async through(from: string, to: string, url: string): Promise<string> {
    const changed = new URL(url);
    // PostgreSQL on this machine is reached by a socket in a folder, which such a URL names at its end.
    const folder = changed.searchParams.get('host');
    const port = changed.searchParams.get('port') ?? changed.port;
    const proxy = await openTcpProxy(
      folder === null ? { host: changed.hostname, port: Number(port) } : { path: join(folder, `.s.PGSQL.${port}`) },
    );
    this.#all.push({ from, to, proxy, wasHeld: false, wasSlowed: false });
    changed.search = '';
    changed.host = `127.0.0.1:${proxy.port}`;
    return serviceNames.includes(to) || to === 'consul' ? changed.origin : changed.href;
  }

  between(isAskedFor: (from: string, to: string) => boolean): readonly Link[] {
    return this.#all.filter(({ from, to }) => isAskedFor(from, to));
  }

  /** Whether the shop has something to carry on it all the time, or whenever somebody wants it to. */
  isUsed({ from, to }: Link): boolean {
    return !serviceNames.includes(to) || from === 'gateway' || this.#calls.has(`${from} ${to}`);
  }

  /** Those that carried something of which nobody knew. Everybody may ask `user` for the keys to tokens, which is seldom needed. */
  unknown(): readonly Link[] {
    return this.#all.filter((link) => !this.isUsed(link) && link.to !== 'user' && link.proxy.carried > 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map(({ proxy }) => proxy.close()));
  }
}

/** Whom each service asks, as the architecture's table has it, which is made from the sources. */
async function callsOfTheShop(): Promise<ReadonlySet<string>> {
  const text = await readFile(new URL('../../ARCHITECTURE.md', import.meta.url), 'utf8');
  const rows = text.matchAll(/^\| \[`(\w+)`\].*\| ([^|]+) \|$/gm);
  return new Set(
    [...rows].flatMap(([, from, asks = '']) =>
      asks
        .split(', ')
        .filter((to) => serviceNames.includes(to))
        .map((to) => `${from} ${to}`),
    ),
  );
}
