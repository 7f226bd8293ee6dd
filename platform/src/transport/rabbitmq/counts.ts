import type { Metrics } from '../../telemetry/index.ts';

export type BrokerCount = 'published' | 'returned' | 'consumed' | 'redelivered' | 'undecodable';

/** Counts messages on their way through the broker, by the service that they are for. */
export interface BrokerCounts {
  add(service: string, what: BrokerCount, by: number): void;
}

export function countMessages(metrics: Metrics | undefined): BrokerCounts {
  const count = metrics?.counter(
    'stoa_broker_messages_total',
    'Messages published to and consumed from the broker, those that it gave back, delivered again or that were no messages',
    ['service', 'what'],
  );
  return { add: (service, what, by) => by > 0 && count?.({ service, what }, by) };
}
