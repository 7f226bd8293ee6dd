import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from 'rabbitmq-client';

/** What either engine is asked: one process tells, the other hears and writes a row a message, over RabbitMQ. */
export interface RelayMessages {
  readonly role: 'teller' | 'listener';
  readonly databaseUrl: string;
  readonly brokerUrl: string;
  readonly messages: number;
}

export interface RelayPart {
  /** Milliseconds since the epoch: when the first message was told, or when the last one was handled. */
  readonly atMs: number;
  /** Processor time from then on, or until then. */
  readonly cpuMs: number;
}

/** Milliseconds since the epoch, finer than `Date.now()`. Two processes of one machine agree on it. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

const keysAtOnce = 500;
const messagesPerKey = 5;

/** A key has a few messages, as an order has; those of many keys come between them, as when many orders are under way. */
export function keyOf(n: number): string {
  return `key-${Math.floor(n / (keysAtOnce * messagesPerKey))}-${n % keysAtOnce}`;
}

const startMsMax = 30_000;

/** Waits until somebody consumes from the queue, which exists. */
export async function untilConsumed(brokerUrl: string, queue: string): Promise<void> {
  const connection = new Connection(brokerUrl);
  try {
    for (const endMs = Date.now() + startMsMax; ; await sleep(20)) {
      const { consumerCount } = await connection.queueDeclare({ queue, passive: true });
      if (consumerCount > 0) return;
      if (Date.now() > endMs) throw new Error(`nobody consumes from ${queue}`);
    }
  } finally {
    await connection.close();
  }
}

export function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
