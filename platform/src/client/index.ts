export type { Client, ClientCall, ClientOptions } from './client.ts';
