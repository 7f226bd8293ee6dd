import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { standStill } from './stand-still.ts';

/** A Redis of one test's own, on a port of its own, which keeps nothing on disk. Needs `// needs: redis`. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Sends one command and answers with the raw reply: `send('FLUSHALL')`. */
  send(command: string): Promise<string>;
  /** Ends it as the kernel does when memory runs out. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  start(): Promise<void>;
  /** Stops it in its tracks: connections stay open, nothing is answered. */
  hang(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

const startMsMax = 10_000;

/** Starts a Redis and waits until it answers. */
export async function startRedisServer(settings: readonly string[] = []): Promise<RedisServer> {
  const program = process.env.STOA_TEST_REDIS_SERVER;
  if (!program) throw new Error('this test needs a Redis: put "// needs: redis" at its start');
  const folder = await mkdtemp(join(tmpdir(), 'stoa-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
    child = spawn(program as string, [...own, ...settings], { stdio: 'ignore' });
    for (const endMs = Date.now() + startMsMax; ; await pause(20)) {
      if (child.exitCode !== null) throw new Error(`Redis ended at its start with ${child.exitCode}`);
      const answer = await sendTo(port, 'PING').catch(() => '');
      if (/PONG|NOAUTH/.test(answer)) return;
      if (Date.now() > endMs) throw new Error(`Redis does not answer on port ${port}`);
    }
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    send: (command) => sendTo(port, command),
    kill,
    start,
    hang: () => standStill(child?.pid as number),
    resume: () => void child?.kill('SIGCONT'),
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function sendTo(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write(`${command}\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  } finally {
    socket.destroy();
  }
}
