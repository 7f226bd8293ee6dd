import { type Environment, readSettings, type Setting, setting } from '@stoa/platform/config';
import { createProxies, type Proxies } from './request/client-address.ts';

/** The gateway's settings, each checked. */
export interface GatewaySettings {
  readonly host: string;
  readonly port: number;
  readonly proxies: Proxies;
  /** Origins of other sites whose scripts may call; `*` for all; empty for none. */
  readonly corsOrigins: readonly string[];
  readonly limits: LimitSettings | undefined;
  readonly streamsPerCallerMax: number;
  readonly cacheBytesMax: number;
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  /** Connections to one replica of a service in another process. */
  readonly upstreamConnectionsMax: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  /** How long a client may take nothing of an answer that is ready. */
  readonly unreadTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** Share of good answers that leave a line in the log, 0 to 1; the bad ones all do. */
  readonly accessLogSample: number;
}

/** Requests a minute. */
export interface LimitSettings {
  readonly caller: number;
  readonly anonymous: number;
  readonly auth: number;
  readonly key: number;
}

const count = (describe: string, otherwise: number, min: number, max: number, unit: string) =>
  setting.integer({ describe, default: otherwise, min, max, unit });
const quota = (describe: string, otherwise: number) => count(describe, otherwise, 1, 1e9, 'requests a minute');
const timeoutMs = (describe: string, otherwise: number) => count(describe, otherwise, 100, 600_000, 'milliseconds');

const settings = {
  PORT: setting.port({ describe: 'where the gateway listens', default: 3000 }),
  STOA_HOST: setting.text({ describe: 'the address it listens on', default: '0.0.0.0' }),
  STOA_TRUSTED_PROXIES: trustedProxies('addresses and networks whose `X-Forwarded-For` counts'),
  STOA_CORS_ORIGINS: origins('origins whose scripts may call'),
  STOA_RATE_LIMITS: setting.choice(['on', 'off'], { describe: 'off for benchmarks and imports', default: 'on' }),
  STOA_RATE_LIMIT_CALLER: quota('one signed-in caller', 1_000),
  STOA_RATE_LIMIT_ANONYMOUS: quota('one address without a token', 300),
  STOA_RATE_LIMIT_AUTH: quota('sign-ins and the like of one address', 20),
  STOA_RATE_LIMIT_KEY: quota("one machine's key", 10_000),
  STOA_STREAMS_PER_CALLER: count('open streams of events of one caller', 20, 1, 1e6, 'streams'),
  STOA_CACHE_BYTES: count('memory for answers that are kept', 33_554_432, 0, 2 ** 34, 'bytes'),
  STOA_CONNECTIONS: count('open connections', 10_000, 1, 1e6, 'connections'),
  STOA_CONNECTIONS_PER_ADDRESS: count('open connections of one address', 2_000, 1, 1e6, 'connections'),
  STOA_UPSTREAM_CONNECTIONS: count('to one replica of a service', 256, 1, 10_000, 'connections'),
  STOA_HEADERS_TIMEOUT_MS: timeoutMs('how long headers may take to arrive', 10_000),
  STOA_BODY_TIMEOUT_MS: timeoutMs('how long a body may take to arrive', 15_000),
  STOA_UNREAD_TIMEOUT_MS: timeoutMs('how long a client may take nothing of its answer', 30_000),
  STOA_KEEP_ALIVE_TIMEOUT_MS: timeoutMs('how long an idle connection is kept', 65_000),
  STOA_ACCESS_LOG_SAMPLE: share('answers below 500 that leave a line in the log', 0.01),
};

/** Reads the settings; throws `config.invalid` naming everything that is wrong with them. */
export function readGatewaySettings(environment: Environment): GatewaySettings {
  const values = readSettings(environment, settings);
  const limits = {
    caller: values.STOA_RATE_LIMIT_CALLER,
    anonymous: values.STOA_RATE_LIMIT_ANONYMOUS,
    auth: values.STOA_RATE_LIMIT_AUTH,
    key: values.STOA_RATE_LIMIT_KEY,
  };
  return {
    host: values.STOA_HOST,
    port: values.PORT,
    proxies: values.STOA_TRUSTED_PROXIES,
    corsOrigins: values.STOA_CORS_ORIGINS,
    limits: values.STOA_RATE_LIMITS === 'off' ? undefined : limits,
    streamsPerCallerMax: values.STOA_STREAMS_PER_CALLER,
    cacheBytesMax: values.STOA_CACHE_BYTES,
    connectionsMax: values.STOA_CONNECTIONS,
    connectionsPerAddressMax: values.STOA_CONNECTIONS_PER_ADDRESS,
    upstreamConnectionsMax: values.STOA_UPSTREAM_CONNECTIONS,
    headersTimeoutMs: values.STOA_HEADERS_TIMEOUT_MS,
    bodyTimeoutMs: values.STOA_BODY_TIMEOUT_MS,
    unreadTimeoutMs: values.STOA_UNREAD_TIMEOUT_MS,
    keepAliveTimeoutMs: values.STOA_KEEP_ALIVE_TIMEOUT_MS,
    accessLogSample: values.STOA_ACCESS_LOG_SAMPLE,
  };
}

function trustedProxies(describe: string): Setting<Proxies> {
  return {
    describe,
    secret: false,
    expects: 'addresses and networks like 10.0.0.0/8, separated by commas',
    missing: { kind: 'default', value: createProxies([]) },
    read(text) {
      try {
        return createProxies(wordsOf(text));
      } catch {
        return undefined;
      }
    },
  };
}

function origins(describe: string): Setting<readonly string[]> {
  const origin = /^(?:\*|https?:\/\/[a-z0-9.[\]:-]+)$/i;
  return {
    describe,
    secret: false,
    expects: 'origins like https://shop.example, separated by commas, or *',
    missing: { kind: 'default', value: [] },
    read(text) {
      const words = wordsOf(text);
      return words.every((word) => origin.test(word)) ? words : undefined;
    },
  };
}

function share(describe: string, otherwise: number): Setting<number> {
  return {
    describe,
    secret: false,
    expects: 'a share from 0 to 1',
    missing: { kind: 'default', value: otherwise },
    read: (text) => (/^[01](?:\.\d+)?$/.test(text) && Number(text) <= 1 ? Number(text) : undefined),
  };
}

function wordsOf(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
