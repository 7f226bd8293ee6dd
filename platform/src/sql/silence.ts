import type { Socket } from 'node:net';
import type pg from 'pg';
import { NoAnswer } from './pool.ts';

const lookEveryMs = 1_000;

interface Wait {
  statements: number;
  readonly sentAtMs: number;
  bytesRead: number;
  silentMs: number;
  /** The most patient of those who wait. */
  silenceMsMax: number;
}

/**
 * Gives connections up on which statements wait for an answer and nothing comes. A network that loses a connection tells nobody: what had been sent
 * would be sent again for a quarter of an hour, and whoever waits would wait for as long.
 */
export class Silence {
  readonly #waits = new Map<pg.ClientBase, Wait>();
  readonly #heardAtMs = new WeakMap<pg.ClientBase, number>();
  readonly #timer = setInterval(() => this.#look(), lookEveryMs).unref();
  /** What has not been heard of since is as likely to be lost as the one that was found to be. */
  #suspectBeforeMs = 0;

  /** Looks after one statement. */
  watch(client: pg.ClientBase, answered: Promise<unknown>, silenceMsMax: number): void {
    const wait = this.#waits.get(client) ?? {
      statements: 0,
      sentAtMs: performance.now(),
      bytesRead: socketOf(client).bytesRead,
      silentMs: 0,
      silenceMsMax,
    };
    wait.statements++;
    wait.silenceMsMax = Math.max(wait.silenceMsMax, silenceMsMax);
    this.#waits.set(client, wait);
    const done = () => {
      this.#heardAtMs.set(client, performance.now());
      wait.statements--;
      if (wait.statements === 0) this.#waits.delete(client);
    };
    answered.then(done, done);
  }

  /** Whether an idle connection had better not be used. */
  isSuspect(client: pg.ClientBase): boolean {
    return (this.#heardAtMs.get(client) ?? Number.POSITIVE_INFINITY) < this.#suspectBeforeMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Counts its own looks and not the time, because a process that stood still has not listened either. */
  #look(): void {
    for (const [client, wait] of this.#waits) {
      const socket = socketOf(client);
      wait.silentMs = socket.bytesRead === wait.bytesRead ? wait.silentMs + lookEveryMs : 0;
      wait.bytesRead = socket.bytesRead;
      if (wait.silentMs < wait.silenceMsMax) continue;
      this.#suspectBeforeMs = Math.max(this.#suspectBeforeMs, wait.sentAtMs + lookEveryMs);
      socket.destroy(new NoAnswer(wait.silentMs));
    }
  }
}

/** The socket of a connection, which the driver keeps to itself. */
export function socketOf(client: pg.ClientBase): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}
