export type { Transport } from './definition.ts';
export { LocalTransport, type Mailbox } from './local.ts';
