import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { Discovery, Outcome } from '@stoa/platform/discovery';
import { fault } from '@stoa/platform/errors';

/** A server that stands for one replica of a service. */
export interface Replica {
  readonly url: string;
  /** Connections that it has taken so far. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** A replica that speaks HTTP. */
export function httpReplica(listener: RequestListener, port = 0): Promise<Replica> {
  const server = createServer({ keepAliveTimeout: 75_000 }, listener);
  server.on('checkContinue', listener);
  return listening(server, port);
}

/** A replica that says whatever bytes it likes. `hear` gets each connection's bytes, and how many times it has heard some. */
export function rawReplica(hear: (socket: Socket, bytes: string, times: number) => void): Promise<Replica> {
  return listening(
    createTcpServer((socket) => {
      let times = 0;
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        times += 1;
        hear(socket, chunk.toString('latin1'), times);
      });
    }),
  );
}

/** The address of a replica that has gone: nothing listens there. */
export async function goneReplica(): Promise<Replica> {
  const replica = await rawReplica(() => undefined);
  await replica.close();
  return replica;
}

/** Listens and then stands still, with all the connections that the kernel takes for it: whoever comes now waits. */
const standstill = `
const server = require('node:net').createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  console.log(server.address().port);
  process.kill(process.pid, 'SIGSTOP');
});`;

/** A replica to which no connection can be made, and which does not refuse one either: as behind a firewall, or on a machine that has gone. */
export async function unreachableReplica(): Promise<Replica> {
  const child = spawn(process.execPath, ['-e', standstill], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const port = Number(String(line));
  const waiting = Array.from({ length: 4 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => undefined));
  await Promise.all(waiting.slice(0, 2).map((socket) => once(socket, 'connect')));
  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => 0,
    async close() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      for (const socket of waiting) socket.destroy();
      await ended;
    },
  };
}

async function listening(server: Server, port = 0): Promise<Replica> {
  const open = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** How a request to a replica went, as discovery was told. */
export interface Told {
  readonly url: string;
  readonly outcome: Outcome;
}

/** Finds the replicas in the order of the list, always the first that is not to be avoided, so that a test knows who is asked. */
export function listedReplicas(urls: readonly string[], told: Told[]): Discovery {
  return {
    acquire(service, avoid) {
      const url = urls.find((one) => one !== avoid) ?? urls[0];
      if (url === undefined) throw fault('service.unavailable', `There is no ${service} service.`, { retryAfterS: 1 });
      let over = false;
      return {
        url,
        done(outcome) {
          if (over) throw new Error('told twice');
          over = true;
          told.push({ url, outcome });
        },
      };
    },
    ready: async () => undefined,
    register: async () => ({ deregister: async () => undefined }),
    endpoints: () => urls.map((url) => ({ url, ejected: false, inFlight: 0 })),
    problem: () => undefined,
    ping: async () => undefined,
    close: async () => undefined,
  };
}
