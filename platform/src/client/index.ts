/** Typed clients of other services, in process or over HTTP with the same behaviour. */
export type { Client, ClientCall, ClientOptions } from './client.ts';
export { type Clients, type ClientsOptions, createClients } from './create-clients.ts';
export { notBegunHeader, type RemoteOptions } from './remote.ts';
