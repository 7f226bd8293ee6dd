export type { Broker, Mailbox, Transport } from './definition.ts';
export { LocalTransport } from './local.ts';
export { type Hand, RemoteTransport } from './remote.ts';
