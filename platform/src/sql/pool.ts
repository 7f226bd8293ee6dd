import type { EventEmitter } from 'node:events';
import pg from 'pg';
import { AppError, fault } from '../errors/index.ts';

export interface DatabaseOptions {
  readonly url: string;
  /** Connections at the most; 8 unless given. */
  readonly connectionsMax?: number;
  readonly name?: string;
  /** `off` where a pooler in transaction mode cannot keep prepared statements (PgBouncer before 1.21). */
  readonly prepared?: 'on' | 'off';
  /**
   * How long a statement may go without a byte of an answer before its connection counts as lost; 30,000 unless given. TCP alone sends again for a quarter of
   * an hour.
   */
  readonly silenceMsMax?: number;
}

/** A server that has gone without a word is noticed after 20 s where nothing is being sent (Node asks ten times, once a second, after this). */
export const keepAliveAfterMs = 10_000;

const typeBool = 16;
const typeInt8 = 20;
const typeDate = 1082;
const typeTimestamptz = 1184;

function instantText(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?\+00$/.exec(text);
  if (!match) return new Date(text).toISOString();
  return `${match[1]}T${match[2]}${(match[3] ?? '.').padEnd(4, '0').slice(0, 4)}Z`;
}

const parsers: Record<number, (text: string) => unknown> = {
  [typeBool]: (text) => text === 't',
  [typeInt8]: Number,
  [typeDate]: (text) => text,
  [typeTimestamptz]: instantText,
};

/** Opens a pool whose clients send statements without waiting for the answers of earlier ones (pipelining). */
export function openPool(options: DatabaseOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connectionsMax ?? 8,
    application_name: `stoa ${options.name ?? ''}`.trim(),
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    pipeline: true,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
    types: {
      getTypeParser: (oid: number, format?: string) =>
        (format !== 'binary' && parsers[oid]) || pg.types.getTypeParser(oid, format as 'text'),
    } as pg.CustomTypesConfig,
  } as pg.PoolConfig);
  // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    attendToErrors(client);
  });
  return pool;
}

const stoodStill = new WeakMap<object, Error>();

function attendToErrors(client: pg.PoolClient): void {
  const { connection } = client as unknown as { connection: EventEmitter };
  connection.on('errorMessage', (error: Error) => {
    // A connection whose prepared statements no longer fit the schema would fail at each of them for as long as it lives.
    if (isStalePlan(error)) void (client as unknown as pg.Client).end().catch(() => undefined);
    if (isStandingStill(error)) stoodStill.set(client, ofDatabase(error));
  });
}

/** Why PostgreSQL ended the session of a transaction that stood still for too long: it says so to nobody's statement. */
export function endOfStandingStill(client: object): Error | undefined {
  return stoodStill.get(client);
}

/** Whether a transaction failed because it stood still for too long. */
export function isStandingStill(error: unknown): boolean {
  return sqlState(error) === '25P03';
}

function isStalePlan(error: Error): boolean {
  const { code } = error as { code?: string };
  return code === '26000' || (code === '0A000' && /cached plan/.test(error.message));
}

const unreachable = /^(08|53|57P0[1-5]|58|25P03)/;
const connectionErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EMFILE',
]);

/** Whether an error means that the server is away, not that the statement is wrong. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: string }).code ?? '';
  return (
    unreachable.test(code) ||
    connectionErrors.has(code) ||
    isStalePlan(error) ||
    /connection terminated|timeout exceeded when trying to connect|not queryable|Connection ended|closed the connection/i.test(
      error.message,
    )
  );
}

/** What a connection ends with on which nothing was answered for too long. */
export class NoAnswer extends Error {
  constructor(silentMs: number) {
    super(`connection terminated: no answer for ${silentMs / 1_000} s`);
  }
}

/** Whether an error is that a statement was not answered in time: the server may be away, or the statement may be too much for it. */
export function isUnanswered(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof NoAnswer) return true;
  return false;
}

const errorsOfDatabases = new WeakSet<Error>();

/** Marks what a connection to a database ended with: a file or a server of somebody's own that is not there fails with the same codes. */
export function ofDatabase(error: Error): Error {
  errorsOfDatabases.add(error);
  return error;
}

/** Wraps errors of the connection as faults; leaves the others as they are. */
export function wrapSqlError(error: unknown, name: string): unknown {
  if (!isConnectionOfDatabase(error)) return error;
  const away = fault('service.unavailable', `The database of ${name} cannot be reached.`, {
    cause: error,
    retryAfterS: 1,
  });
  return ofDatabase(away);
}

function isConnectionOfDatabase(error: unknown): boolean {
  return isConnectionError(error) && errorsOfDatabases.has(error as Error);
}

/** Whether what failed is a database that cannot be reached, and not a service that was asked: its connection is refused in the same words. */
export function isDatabaseAway(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof AppError) return errorsOfDatabases.has(at);
    if (isConnectionOfDatabase(at)) return true;
  }
  return false;
}

/** SQLSTATE of a PostgreSQL error, found through wrapping; undefined when it is none. */
export function sqlState(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  }
  return undefined;
}

/** Name of the constraint that a PostgreSQL error is about; undefined when there is none. */
export function violatedConstraint(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    const { constraint } = at as { constraint?: unknown };
    if (typeof constraint === 'string') return constraint;
  }
  return undefined;
}
