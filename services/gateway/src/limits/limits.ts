import { hash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { SharedCounters } from '@stoa/platform/cache';
import type { Principal } from '@stoa/platform/schema';
import type { LimitSettings } from '../config.ts';
import { SharedWindows } from './shared-windows.ts';
import { type Window, Windows } from './windows.ts';

/** What a request was counted against. */
export interface Counted extends Window {
  readonly policy: Policy;
}

/** A quota by name, with its header ready. */
export interface Policy {
  readonly name: string;
  readonly quota: number;
  /** `RateLimit-Policy`, as draft-ietf-httpapi-ratelimit-headers writes it. */
  readonly header: string;
}

/**
 * Counts requests against the quotas of API.md: in this process's memory, or with all gateways together. Then what guards passwords is counted
 * exactly, in one round trip; all else is decided here and told to the others every 100 ms, so that no request waits for it. Until they have
 * heard of each other, each of n gateways lets through what is left: at the worst n quotas, by a burst that reaches all of them within 100 ms.
 */
export interface Limits {
  /** A request to anything but the auth routes. Requests proven by a signature count like a machine's. */
  request(principal: Principal, address: string, signed: boolean): Counted;
  /** A request to an auth route, by where it comes from. */
  authAddress(address: string): Counted | Promise<Counted>;
  /** A request to an auth route, by the account that its body names. */
  authAccount(account: string): Counted | Promise<Counted>;
  /** Whether an address may have another token verified, which costs more than most answers. */
  mayVerify(address: string): Counted;
  /** A token that was not good. */
  badToken(address: string): void;
  /** Tells the others what they do not know yet. */
  close(): Promise<void>;
}

const windowS = 60;
const windowMs = windowS * 1000;

/** @param counters those that all gateways share; without them this one counts alone */
export function createLimits(settings: LimitSettings, nowMs: () => number, counters?: SharedCounters): Limits {
  const own = new Windows({ windowMs });
  const shared = counters && new SharedWindows(own, { counters, windowMs, nowMs });
  const windows = shared ?? own;
  const caller = policy('caller', settings.caller);
  const anonymous = policy('anonymous', settings.anonymous);
  const auth = policy('auth', settings.auth);
  const key = policy('key', settings.key);
  // Of its own: many people behind one address must not be kept from signing in by those who only look around.
  const badTokens = policy('bad-tokens', settings.anonymous);
  const take = (by: Policy, id: string): Counted => ({
    ...windows.take(`${by.name} ${id}`, by.quota, nowMs()),
    policy: by,
  });
  const takeExactly = (by: Policy, id: string): Counted | Promise<Counted> =>
    shared?.takeExactly(`${by.name} ${id}`, by.quota).then((window) => ({ ...window, policy: by })) ?? take(by, id);

  return {
    request(principal, address, signed) {
      if (principal.kind === 'user') return take(caller, principal.userId);
      if (principal.kind === 'key') return take(key, principal.keyId);
      return signed ? take(key, networkOf(address)) : take(anonymous, networkOf(address));
    },
    authAddress: (address) => takeExactly(auth, networkOf(address)),
    // Hashed, so that memory holds no addresses and a long one costs no more than a short one.
    authAccount: (account) => takeExactly(auth, `account ${hash('sha256', account, 'base64url')}`),
    mayVerify: (address) => ({
      ...windows.exhausted(`${badTokens.name} ${networkOf(address)}`, badTokens.quota, nowMs()),
      policy: badTokens,
    }),
    badToken(address) {
      take(badTokens, networkOf(address));
    },
    close: async () => shared?.close(),
  };
}

function policy(name: string, quota: number): Policy {
  return { name, quota, header: `"${name}";q=${quota};w=${windowS}` };
}

/** `RateLimit`, as draft-ietf-httpapi-ratelimit-headers writes it. */
export function rateLimitHeader({ policy: { name }, remaining, resetS }: Counted): string {
  return `"${name}";r=${remaining};t=${resetS}`;
}

/** Whoever has one IPv6 address has the 2^64 beside it. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [left = '', right] = address.toLowerCase().split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const gap = right === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: Math.max(0, gap) }, () => '0'), ...tail];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
