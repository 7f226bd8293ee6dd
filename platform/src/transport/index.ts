export { arrivedFrom, handIn } from './arrived.ts';
export type { Broker, BrokerMailbox, Mailbox, Transport, Undecodable } from './definition.ts';
export { LocalTransport } from './local.ts';
export { connectRabbit, type RabbitOptions, type RabbitTransport } from './rabbitmq/connect-rabbit.ts';
export { keyLengthMax } from './read-message.ts';
export { type Hand, RemoteTransport } from './remote.ts';
