import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { standStill } from './stand-still.ts';

/** A Consul of one test's own, on ports of its own. Needs `// needs: consul`. */
export interface ConsulServer {
  readonly url: string;
  /** Where it answers DNS queries, as address and port. */
  readonly dns: string;
  /** Asks its HTTP API; a path like `/v1/catalog/services`. */
  ask(path: string, method?: 'GET' | 'PUT', body?: unknown): Promise<unknown>;
  /** Ends it as the kernel does when memory runs out. */
  kill(): Promise<void>;
  /** Starts it again on the same ports: empty, unless it keeps its data. */
  start(): Promise<void>;
  /** Stops it in its tracks: connections stay open, nothing is answered. */
  hang(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

export interface ConsulServerOptions {
  /** Keeps its data on disk: it then takes some seconds longer to start, since it elects itself. */
  readonly keepsData?: boolean;
  /** More of its configuration, in HCL. */
  readonly config?: string;
  /** Sent with every request of `ask`. */
  readonly token?: string;
}

const startMsMax = 30_000;

/** Starts a Consul and waits until it has a leader and knows itself. */
export async function startConsulServer(options: ConsulServerOptions = {}): Promise<ConsulServer> {
  const program = process.env.STOA_TEST_CONSUL;
  if (!program) throw new Error('this test needs a Consul: put "// needs: consul" at its start');
  const folder = await mkdtemp(join(tmpdir(), 'stoa-consul-'));
  const [http, dns, server, lan, wan] = await Promise.all([freePort(), freePort(), freePort(), freePort(), freePort()]);
  const url = `http://127.0.0.1:${http}`;
  const ports = `http=${http} dns=${dns} server=${server} serf_lan=${lan} serf_wan=${wan} https=-1 grpc=-1`;
  const config = `ports { ${ports.replaceAll(' ', '\n')} }\n${options.config ?? ''}`;
  const kind = options.keepsData
    ? ['-server', '-bootstrap-expect=1', `-data-dir=${folder}`, '-bind=127.0.0.1', '-client=127.0.0.1']
    : ['-dev', '-bind=127.0.0.1'];
  let child: ChildProcess | undefined;

  async function ask(path: string, method = 'GET', body?: unknown): Promise<unknown> {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { ...(options.token !== undefined && { 'x-consul-token': options.token }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(5_000),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Consul answers ${answer.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async function start(): Promise<void> {
    const args = ['agent', ...kind, '-node=test', `-hcl=${config}`];
    child = spawn(program as string, args, { stdio: 'ignore', env: { ...process.env, GOMAXPROCS: '2' } });
    for (const endMs = Date.now() + startMsMax; ; await pause(50)) {
      if (child.exitCode !== null) throw new Error(`Consul ended at its start with ${child.exitCode}`);
      const nodes = await ask('/v1/catalog/nodes').catch(() => undefined);
      if (Array.isArray(nodes) && nodes.length > 0) return;
      if (Date.now() > endMs) throw new Error(`Consul does not answer at ${url}`);
    }
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async function stop(): Promise<void> {
    await kill();
    await rm(folder, { recursive: true, force: true });
  }

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    dns: `127.0.0.1:${dns}`,
    ask,
    kill,
    start,
    hang: () => standStill(child?.pid as number),
    resume: () => void child?.kill('SIGCONT'),
    stop,
  };
}
