import { hash } from 'node:crypto';
import { anonymous } from '@stoa/platform/schema';
import type { Clock } from '@stoa/platform/time';
import { answer, ownHeaders, securityHeaders } from '../answer/write.ts';
import { seesWhatAllSee } from '../identity.ts';
import type { Exchange } from '../request/exchange.ts';
import type { Route } from '../routing/routes.ts';
import { record } from './record.ts';
import { cacheKeyOf, type Kept, type Recorded, ResponseCache } from './response-cache.ts';

/** Answers public reads out of memory. */
export interface CachedAnswers {
  /** Whether this request may be answered from memory: a public read, by somebody who sees what all see. */
  admits(exchange: Exchange, route: Route): boolean;
  /** Answers now when it is kept; otherwise a promise that has answered, or rejects with why it could not. */
  answer(exchange: Exchange, route: Route): Promise<void> | undefined;
  /** Something of this service has changed. */
  forget(service: string): void;
  /** Changes may have gone unheard. */
  forgetUnheard(): void;
}

/**
 * Operations whose answers change only with events: while those are heard, the answers are forgotten when they change and may be kept for
 * longer than the operation says. Loading each of 1,000 products every second took half of a core; every five it is a tenth. Categories, which facets
 * show too, have no event: what another gateway changes in them is not heard of.
 */
const heardMs: ReadonlyMap<string, number> = new Map([
  ['product getProduct', 5_000],
  ['product listProducts', 5_000],
]);
/** Services that have such operations, or others whose changes are to show within a second. */
const changing = new Set(['product']);
/** While they are not: half of the second within which a change has to show, for what the service itself keeps may be as old. */
const unheardMs = 500;

export interface CachedAnswersOptions {
  readonly bytesMax: number;
  readonly clock: Clock;
  /** What answers age by: a clock that nobody sets. */
  readonly nowMs?: () => number;
  /** Whether every change is heard of now, wherever it is made. */
  readonly hears: () => boolean;
}

export function createCachedAnswers(options: CachedAnswersOptions): CachedAnswers {
  const { bytesMax, clock, nowMs = () => performance.now(), hears } = options;
  const cache = new ResponseCache(bytesMax);

  function keptMs({ service, name, operation: { publicCacheS = 0 } }: Route, url: string): number {
    if (!changing.has(service)) return publicCacheS * 1000;
    if (!hears() || url.includes('facets=')) return unheardMs;
    return heardMs.get(`${service} ${name}`) ?? unheardMs;
  }

  async function loadAndSend(exchange: Exchange, route: Route, key: string): Promise<void> {
    const { url, cause, requestId, clientAddress } = exchange;
    const askedAtMs = nowMs();
    const fromBeginMs = keptMs(route, url);
    const deadlineMs = clock.nowMs() + (route.operation.timeoutMs ?? 10_000);
    const context = { principal: anonymous, cause, requestId, clientAddress, deadlineMs };
    const recorded = await cache.load(
      key,
      route.service,
      () => record(route.target, url, context),
      (fresh) =>
        fresh.status === 200 ? makeReady(fresh, askedAtMs + Math.min(fromBeginMs, keptMs(route, url))) : undefined,
    );
    send(exchange, recorded);
  }

  return {
    admits: ({ principal, request }, { operation }) =>
      operation.publicCacheS !== undefined &&
      operation.streams === undefined &&
      (request.method === 'GET' || request.method === 'HEAD') &&
      seesWhatAllSee(principal),
    answer(exchange, route) {
      const key = cacheKeyOf(exchange.url);
      const kept = cache.get(key, nowMs());
      if (kept === undefined) return loadAndSend(exchange, route, key);
      send(exchange, kept);
      return undefined;
    },
    forget: (service) => cache.forget(service),
    forgetUnheard() {
      for (const service of changing) cache.forget(service);
    },
  };
}

/** An answer with its tag, length and the headers that every answer has. */
function makeReady(recorded: Recorded, untilMs: number): Kept {
  const given = recorded.headers.indexOf('etag');
  const etag =
    given === -1
      ? `"${hash('sha256', recorded.body, 'base64url').slice(0, 22)}"`
      : (recorded.headers[given + 1] as string);
  const headers = [...recorded.headers, ...(given === -1 ? ['etag', etag] : []), 'vary', 'Authorization, Origin'];
  return { status: recorded.status, headers, body: recorded.body, etag, untilMs };
}

function send(exchange: Exchange, recorded: Recorded | Kept): void {
  const { response, head } = exchange;
  const own: string[] = [...ownHeaders(exchange), ...securityHeaders];
  if ('etag' in recorded && head.ifNoneMatch !== undefined && matches(head.ifNoneMatch, recorded.etag)) {
    answer(response, 304, own.concat(withoutContent(recorded.headers)), undefined);
    return;
  }
  const length = ['content-length', String(recorded.body.length)];
  answer(response, recorded.status, own.concat(recorded.headers, length), recorded.body);
}

/** Weak and strong tags compare alike for reads (RFC 9110 §13.1.2). */
function matches(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === etag || ifNoneMatch.trim() === '*') return true;
  const bare = etag.startsWith('W/') ? etag.slice(2) : etag;
  const tags: readonly string[] = ifNoneMatch.match(/"[^"]*"/g) ?? [];
  return tags.includes(bare);
}

function withoutContent(headers: readonly string[]): string[] {
  return headers.filter((_, index) => !headers[index - (index % 2)]?.startsWith('content-'));
}
