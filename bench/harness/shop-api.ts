import { setTimeout as sleep } from 'node:timers/promises';
import { admin, type Shop } from './shop.ts';

/** The shop's public API, as one caller. */
export interface ShopApi {
  readonly token: string | undefined;
  /** Asks and returns the JSON that comes back; throws when the answer is not good. */
  ask<Answer>(method: string, path: string, body?: object | string, headers?: Record<string, string>): Promise<Answer>;
}

export async function asAdmin({ url }: Pick<Shop, 'url'>): Promise<ShopApi> {
  const { accessToken } = await api(url).ask<{ accessToken: string }>('POST', '/api/v1/auth/login', admin);
  return api(url, accessToken);
}

export async function asNewCustomer({ url }: Pick<Shop, 'url'>): Promise<ShopApi> {
  const body = {
    email: `customer-${Date.now()}@bench.example`,
    password: 'correct horse battery',
    name: 'Ada Browser',
  };
  const { accessToken } = await api(url).ask<{ accessToken: string }>('POST', '/api/v1/auth/register', body);
  return api(url, accessToken);
}

function api(url: string, token?: string): ShopApi {
  return {
    token,
    async ask<Answer>(method: string, path: string, body?: object | string, headers: Record<string, string> = {}) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(typeof body === 'object' && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'object' ? JSON.stringify(body) : body }),
        signal: AbortSignal.timeout(60_000),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`);
      return (isNdjson(response) ? text : text === '' ? undefined : JSON.parse(text)) as Answer;
    },
  };
}

function isNdjson(response: Response): boolean {
  return (response.headers.get('content-type') ?? '').includes('ndjson');
}

type Counts = Readonly<Record<'outbox' | 'inbox' | 'sagasLive' | 'effects' | 'dead', number>>;

interface Backlog {
  readonly total: Counts;
  readonly services: readonly (Counts & { readonly service: string })[];
  readonly partial: readonly string[];
}

/** What is accepted and not done, by service, in words. */
export async function openWork(as: ShopApi): Promise<string> {
  const { services } = await as.ask<Backlog>('GET', '/api/v1/ops/backlog');
  const open = services.flatMap(({ service, ...counts }) =>
    Object.entries(counts).flatMap(([kind, count]) => (count > 0 ? [`${service} ${kind} ${count}`] : [])),
  );
  return open.join(', ') || 'nothing';
}

const pollMs = 50;
/** Nothing is timed by it, and what it costs is charged to the shop. */
const idlePollMs = 1_000;
const restMsMax = 120_000;

/**
 * Waits until every saga has ended and every outbox and inbox is empty, and returns when that was (`performance.now()`). Services are asked one
 * after the other and a message may pass between two looks, so a rest counts only when the next look finds it too. Mails may still be waiting.
 */
export function untilAtRest(as: ShopApi): Promise<number> {
  return untilNone(as, ['outbox', 'inbox', 'sagasLive'], pollMs);
}

/** Waits until nothing at all is left to do, mails included. */
export async function untilIdle(as: ShopApi): Promise<void> {
  await untilNone(as, ['outbox', 'inbox', 'sagasLive', 'effects'], idlePollMs);
}

async function untilNone(as: ShopApi, kinds: readonly (keyof Counts)[], everyMs: number): Promise<number> {
  const deadlineMs = performance.now() + restMsMax;
  let restingSinceMs: number | undefined;
  for (;;) {
    const askedAtMs = performance.now();
    const { total, partial } = await as.ask<Backlog>('GET', '/api/v1/ops/backlog');
    if (partial.length > 0) throw new Error(`the backlog of ${partial.join(', ')} is not known`);
    if (total.dead > 0) throw new Error(`${total.dead} messages are dead`);
    const rests = kinds.every((kind) => total[kind] === 0);
    if (rests && restingSinceMs !== undefined) return restingSinceMs;
    restingSinceMs = rests ? askedAtMs : undefined;
    if (askedAtMs > deadlineMs) throw new Error(`the shop does not come to rest: ${JSON.stringify(total)}`);
    await sleep(everyMs);
  }
}
