import type { Environment } from '@stoa/platform/config';
import { fault } from '@stoa/platform/errors';
import { createProxies, type Proxies } from './request/client-address.ts';

/** The gateway's settings, each checked. */
export interface GatewaySettings {
  readonly host: string;
  readonly port: number;
  readonly proxies: Proxies;
  /** Origins of other sites whose scripts may call; `*` for all; empty for none. */
  readonly corsOrigins: readonly string[];
  readonly limits: LimitSettings | undefined;
  readonly cacheBytesMax: number;
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
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

/** Reads the settings; throws `config.invalid` naming everything that is wrong with them. */
export function readGatewaySettings(environment: Environment): GatewaySettings {
  const problems: string[] = [];
  const number = (name: string, otherwise: number, min: number, max: number): number => {
    const text = environment[name];
    if (text === undefined || text === '') return otherwise;
    const value = Number(text);
    if (Number.isFinite(value) && value >= min && value <= max) return value;
    problems.push(`${name} must be a number from ${min} to ${max}`);
    return otherwise;
  };
  const whole = (name: string, otherwise: number, min: number, max: number): number => {
    const value = number(name, otherwise, min, max);
    if (!Number.isInteger(value)) problems.push(`${name} must be a whole number`);
    return value;
  };
  const list = (name: string) =>
    (environment[name] ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');

  const limitsSwitch = environment['STOA_RATE_LIMITS'] || 'on';
  if (limitsSwitch !== 'on' && limitsSwitch !== 'off') problems.push('STOA_RATE_LIMITS must be on or off');
  const limits = {
    caller: whole('STOA_RATE_LIMIT_CALLER', 1000, 1, 1e9),
    anonymous: whole('STOA_RATE_LIMIT_ANONYMOUS', 300, 1, 1e9),
    auth: whole('STOA_RATE_LIMIT_AUTH', 20, 1, 1e9),
    key: whole('STOA_RATE_LIMIT_KEY', 10_000, 1, 1e9),
  };
  const settings = {
    host: environment['STOA_HOST'] || '0.0.0.0',
    port: whole('PORT', 3000, 0, 65_535),
    proxies: readProxies(list('STOA_TRUSTED_PROXIES'), problems),
    corsOrigins: readOrigins(list('STOA_CORS_ORIGINS'), problems),
    limits: limitsSwitch === 'off' ? undefined : limits,
    cacheBytesMax: whole('STOA_CACHE_BYTES', 33_554_432, 0, 2 ** 34),
    connectionsMax: whole('STOA_CONNECTIONS', 10_000, 1, 1e6),
    connectionsPerAddressMax: whole('STOA_CONNECTIONS_PER_ADDRESS', 2_000, 1, 1e6),
    headersTimeoutMs: whole('STOA_HEADERS_TIMEOUT_MS', 10_000, 100, 600_000),
    bodyTimeoutMs: whole('STOA_BODY_TIMEOUT_MS', 15_000, 100, 600_000),
    keepAliveTimeoutMs: whole('STOA_KEEP_ALIVE_TIMEOUT_MS', 65_000, 100, 600_000),
    accessLogSample: number('STOA_ACCESS_LOG_SAMPLE', 0.01, 0, 1),
  };
  if (problems.length > 0) throw fault('config.invalid', problems.join('; '));
  return settings;
}

function readProxies(entries: readonly string[], problems: string[]): Proxies {
  try {
    return createProxies(entries);
  } catch (error) {
    problems.push(`STOA_TRUSTED_PROXIES: ${(error as Error).message}`);
    return createProxies([]);
  }
}

function readOrigins(origins: readonly string[], problems: string[]): readonly string[] {
  for (const origin of origins) {
    if (origin !== '*' && !/^https?:\/\/[a-z0-9.[\]:-]+$/i.test(origin)) {
      problems.push(`STOA_CORS_ORIGINS: "${origin}" is not an origin like https://shop.example`);
    }
  }
  return origins;
}
