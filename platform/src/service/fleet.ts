import type { Discovery } from '../discovery/index.ts';
import type { Trust } from '../trust/index.ts';

/** How the services of this process and those of others reach each other. */
export interface Fleet {
  readonly discovery: Discovery;
  readonly trust: Trust;
  /** Where a hosted service takes requests from other processes. */
  readonly listenAt: (service: string) => { readonly host: string; readonly port: number };
  /** The URL by which others reach it, made of the one it listens at. */
  readonly advertise: (service: string, url: string) => string;
  /** Milliseconds for which a service that is about to stop still answers, so that others hear of it before its door closes. */
  readonly graceMs: number;
}
