import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of clients. */
export interface Connections {
  /** Hands a server's requests on, of each connection one at a time, and ends connections whose client does not read. */
  watch(server: Server): void;
  /** Resolves when no request waits for its answer any more. */
  rest(): Promise<void>;
  close(): void;
}

interface Connection {
  readonly socket: Socket;
  /** The answer of the last request that was handed on. */
  current: ServerResponse | undefined;
  /** Requests that came before the answers to those ahead of them had gone out, in order. */
  readonly waiting: { readonly request: IncomingMessage; readonly response: ServerResponse }[];
  /** How far the sending had come at the last look that saw it move. */
  sentBytes: number;
  queuedBytes: number;
  movedAtMs: number;
}

/** Requests of one connection that may wait for those ahead of them. Browsers send none ahead; whoever sends more only fills memory. */
const waitingMax = 100;
const sweepMsMax = 1_000;

/**
 * A request is begun when the one before it on its connection has been answered. HTTP lets clients send several ahead, but answers go out in order: one that
 * is ready early would only hold its service's connection until its turn, and for ever when the client goes away, for Node tells only the answer whose
 * turn it is that the connection has closed.
 *
 * An answer that is not read holds a service's connection too, whose own timers stand still while it is held back. So a client that takes nothing of what
 * is ready for it for `unreadTimeoutMs` is cut off; one that reads slowly, or waits for a stream in which nothing happens, is not.
 */
export function createConnections(
  receive: RequestListener,
  { unreadTimeoutMs }: { unreadTimeoutMs: number },
): Connections {
  const open = new Map<Socket, Connection>();
  let rests: (() => void) | undefined;

  function add(socket: Socket): void {
    open.set(socket, {
      socket,
      current: undefined,
      waiting: [],
      sentBytes: 0,
      queuedBytes: 0,
      movedAtMs: performance.now(),
    });
    socket.once('close', () => {
      open.delete(socket);
      tellRest();
    });
  }

  function take(request: IncomingMessage, response: ServerResponse): void {
    const connection = open.get(request.socket);
    if (connection === undefined) return;
    const { current, waiting } = connection;
    if (waiting.length === 0 && (current === undefined || isOver(current))) {
      begin(connection, request, response);
      return;
    }
    waiting.push({ request, response });
    if (waiting.length === 1) current?.once('close', () => next(connection));
    else if (waiting.length > waitingMax) connection.socket.destroy();
  }

  function begin(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    connection.current = response;
    if (rests !== undefined) response.once('close', tellRest);
    receive(request, response);
  }

  function next(connection: Connection): void {
    const first = connection.waiting.shift();
    if (first === undefined || connection.socket.destroyed) return;
    begin(connection, first.request, first.response);
    if (connection.waiting.length > 0) first.response.once('close', () => next(connection));
  }

  function look(): void {
    const nowMs = performance.now();
    for (const connection of open.values()) if (isStuck(connection, nowMs)) connection.socket.destroy();
  }

  function isStuck(connection: Connection, nowMs: number): boolean {
    const { socket } = connection;
    const sentBytes = socket.bytesWritten - socket.writableLength;
    const queuedBytes = queuedBytesOf(socket);
    const moves = sentBytes !== connection.sentBytes || queuedBytes !== connection.queuedBytes;
    if (moves || socket.writableLength === 0) {
      connection.sentBytes = sentBytes;
      connection.queuedBytes = queuedBytes;
      connection.movedAtMs = nowMs;
      return false;
    }
    return nowMs > connection.movedAtMs + unreadTimeoutMs;
  }

  function tellRest(): void {
    if (rests === undefined) return;
    for (const connection of open.values()) if (isBusy(connection)) return;
    rests();
  }

  const timer = setInterval(look, Math.min(sweepMsMax, unreadTimeoutMs / 4));
  timer.unref();
  return {
    watch(server) {
      server.on('connection', add);
      server.on('request', take);
      server.on('checkContinue', take);
    },
    rest() {
      return new Promise((resolve) => {
        rests = resolve;
        for (const { current } of open.values()) current?.once('close', tellRest);
        tellRest();
      });
    },
    close: () => clearInterval(timer),
  };
}

function isOver({ writableFinished, destroyed }: ServerResponse): boolean {
  return writableFinished || destroyed;
}

function isBusy({ current, waiting }: Connection): boolean {
  return waiting.length > 0 || (current !== undefined && !isOver(current));
}

/** What the kernel has not taken yet of the piece being sent: `net` looks at it for its own timeout. Without it, a piece counts when it has gone. */
function queuedBytesOf(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}
