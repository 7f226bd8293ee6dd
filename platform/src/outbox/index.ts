export { Lease } from './lease.ts';
export { Outbox, type OutboxEntry, type OutboxOptions, type Outgoing, type Publication } from './outbox.ts';
export { Relay, type RelayOptions } from './relay.ts';
