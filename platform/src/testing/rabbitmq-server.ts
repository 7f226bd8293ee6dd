import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { standStill } from './stand-still.ts';

/** A RabbitMQ of one test's own: ports, node name, cookie and data of its own. Needs `// needs: rabbitmq`. */
export interface RabbitServer {
  /** As `guest`, who may do anything. */
  readonly url: string;
  readonly port: number;
  /** Runs rabbitmqctl and answers with what it prints: `ctl('add_user', 'clerk', 'secret')`. A second or two each. */
  ctl(...words: string[]): Promise<string>;
  /** Ends it as the kernel does when memory runs out. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data. */
  start(): Promise<void>;
  /** Stops it in its tracks: connections stay open, nothing is answered. */
  hang(): Promise<void>;
  resume(): void;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

const startMsMax = 60_000;
const run = promisify(execFile);

/**
 * The server and its name server in one process group, which ends with whoever holds the other end of the input: a test that is killed leaves nothing behind.
 * A name server that the node started itself would be a daemon of its own.
 */
const outlivesNobody = `
exec 3<&0
epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" </dev/null 3<&- &
"$0" </dev/null 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -KILL 0; } &
wait $server`;

/** Starts a RabbitMQ and waits until it takes logins. `settings` are lines of rabbitmq.conf. */
export async function startRabbitServer(settings: readonly string[] = []): Promise<RabbitServer> {
  const program = process.env.STOA_TEST_RABBITMQ_SERVER;
  if (!program) throw new Error('this test needs a RabbitMQ: put "// needs: rabbitmq" at its start');
  const folder = await mkdtemp(join(tmpdir(), 'stoa-rabbitmq-'));
  const [port, distribution, epmd] = [await freePort(), await freePort(), await freePort()];
  const node = `stoa-${randomBytes(4).toString('hex')}@localhost`;
  await writeCookie(folder);
  await writeFile(
    join(folder, 'rabbitmq.conf'),
    [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      'loopback_users = none',
      'log.file = false',
      'log.console = true',
      ...settings,
    ].join('\n'),
  );
  await writeFile(join(folder, 'enabled_plugins'), '[].\n');
  const environment = {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    HOME: folder,
    RABBITMQ_NODENAME: node,
    RABBITMQ_DIST_PORT: String(distribution),
    // A name server of its own: one that others started would outlive them, or go with them.
    ERL_EPMD_PORT: String(epmd),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
    // Idle schedulers spin by default, which takes the cores from whatever is tested.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
  };
  // On Debian the program on the path is a wrapper that becomes another user and forgets this environment. What it wraps lies beside it.
  const home = dirname(await realpath(program));
  let child: ChildProcess | undefined;
  let output = '';

  async function start(): Promise<void> {
    output = '';
    const started = spawn('/bin/sh', ['-c', outlivesNobody, join(home, 'rabbitmq-server')], {
      env: environment,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    child = started;
    const hear = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-8_000);
    };
    started.stdout.on('data', hear);
    started.stderr.on('data', hear);
    for (const endMs = Date.now() + startMsMax; !(await answers(port)); await pause(50)) {
      if (started.exitCode !== null)
        throw new Error(`RabbitMQ ended at its start with ${started.exitCode}:\n${output}`);
      if (Date.now() > endMs) throw new Error(`RabbitMQ does not answer on port ${port}:\n${output}`);
    }
  }

  /** The server is a group of processes: a shell, the Erlang machine and its helpers. */
  function signal(name: NodeJS.Signals): void {
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // It has ended by itself.
    }
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    signal('SIGKILL');
    await ended;
  }

  const stopWithTest = () => signal('SIGKILL');
  process.once('exit', stopWithTest);
  try {
    await start();
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    port,
    async ctl(...words) {
      const { stdout } = await run(join(home, 'rabbitmqctl'), ['--quiet', ...words], { env: environment });
      return stdout;
    },
    kill,
    start,
    hang: () => standStill(-(child?.pid as number)),
    resume: () => signal('SIGCONT'),
    async stop() {
      process.removeListener('exit', stopWithTest);
      signal('SIGCONT');
      await kill();
      await stopNameServer(epmd);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function writeCookie(folder: string): Promise<void> {
  await mkdir(join(folder, 'data'));
  await mkdir(join(folder, 'log'));
  const cookie = join(folder, '.erlang.cookie');
  await writeFile(cookie, randomBytes(20).toString('hex'));
  await chmod(cookie, 0o400);
}

/** Says the first words of AMQP: the server answers once it takes logins. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write(Buffer.from([65, 77, 81, 80, 0, 0, 9, 1]));
    const [first] = (await Promise.race([once(socket, 'data'), pause(2_000, [undefined])])) as [Buffer | undefined];
    return first?.[0] === 1;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** It was started by the node, as a daemon that no signal to the group reaches, and ends when asked once it knows that the node is gone. */
async function stopNameServer(port: number): Promise<void> {
  for (const endMs = Date.now() + 3_000; Date.now() < endMs; await pause(20)) {
    const socket = connect(port, '127.0.0.1');
    try {
      // KILL_REQ of its protocol.
      socket.write(Buffer.from([0, 1, 107]));
      await Promise.race([once(socket, 'close'), pause(500)]);
    } catch {
      return;
    } finally {
      socket.destroy();
    }
  }
}
