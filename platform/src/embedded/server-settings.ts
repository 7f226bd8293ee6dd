import { assert } from '../errors/index.ts';

// Three processes of each service find room in it.
const connectionsMax = 120;

/**
 * What all connection pools that use one embedded server may add up to: the server's limit of 120 without the
 * three it reserves for the administrator and a few for `psql` and `stoa verify`.
 */
export const poolConnectionsMax = connectionsMax - 10;

// The build in npm has neither lz4 nor zstd, and pglz costs more processor time than the writing it saves, so
// `wal_compression` stays off.
const defaults: Readonly<Record<string, string>> = {
  max_connections: String(connectionsMax),
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  jit: 'off',
  // A new shop's tables grow from nothing to thousands of rows within seconds: prepared plans made for empty tables must not outlive that.
  autovacuum_naptime: '10s',
  // Solid-state disks and a working set that fits in memory.
  random_page_cost: '1.1',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Statements and the DETAIL of an error hold personal data (a duplicate e-mail address, say): they stay out of the log.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
};

const durability = ['fsync', 'synchronous_commit', 'full_page_writes'];

export interface ServerAddress {
  readonly port: number;
  /** The folder of the unix socket; undefined when no reachable folder has a name short enough for one. */
  readonly socketDirectory: string | undefined;
}

/** Throws when settings would trade durability for speed. */
export function assertDurable(settings: Readonly<Record<string, string>>): void {
  for (const name of durability) {
    assert(!(name in settings), `${name} stays as PostgreSQL ships it: an acknowledged order must survive a power cut`);
  }
}

/** The arguments (`-c name=value`) that the server is started with. */
export function serverArguments(address: ServerAddress, settings: Readonly<Record<string, string>>): string[] {
  const all = {
    ...defaults,
    ...settings,
    port: String(address.port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: address.socketDirectory ?? '',
  };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
