import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientCall } from '@stoa/platform/client';
import type { Environment } from '@stoa/platform/config';
import type { Operation } from '@stoa/platform/schema';
import type { Static, TSchema } from 'typebox';
import { Agent, request } from 'undici';
import { cliError } from '../cli-error.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import { ShopError, shopErrorOf } from './shop-error.ts';

export type AnswerOf<O extends Operation> = O['answer'] extends TSchema ? Static<O['answer']> : undefined;

export interface HowToCall {
  readonly idempotencyKey?: string;
  /** `Prefer: wait=`: how long the shop may take to finish before it answers, in seconds. */
  readonly waitS?: number;
}

/** A running shop, spoken to through its public API. */
export interface Shop {
  readonly url: URL;
  /** Calls an operation of a contract. @throws ShopError when the shop refuses; CliError `unavailable` when it cannot be reached */
  call<O extends Operation>(operation: O, call: ClientCall<O>, how?: HowToCall): Promise<AnswerOf<O>>;
  /** Every item of a list, page by page. Services that could not be asked for theirs are added to `silent`. */
  list<O extends Operation>(operation: O, call: ClientCall<O>, silent?: Set<string>): AsyncGenerator<ItemOf<O>>;
  /** The lines of an answer that is streamed. */
  lines<O extends Operation>(operation: O, call: Pick<ClientCall<O>, 'query'>, body?: Body): AsyncGenerator<string>;
  /** Speaks as somebody else from now on. */
  speakAs(credentials: Credentials): void;
  close(): Promise<void>;
}

export type ItemOf<O extends Operation> = AnswerOf<O> extends { items: (infer T)[] } ? T : never;

export interface Body {
  readonly type: string;
  readonly content: string | Readable;
}

export interface ConnectOptions {
  readonly environment: Environment;
  /** How long a call is tried again while the shop is away, in milliseconds; once unless given. */
  readonly patienceMs?: number;
  readonly connectionsMax?: number;
}

const timeoutMs = 60_000;
const pauseMsMax = 2_000;

/** Finds the shop of the environment (`STOA_URL`) and who to be there; nothing is sent before the first call. */
export async function connect({ environment, patienceMs = 0, connectionsMax = 8 }: ConnectOptions): Promise<Shop> {
  const url = urlOf(environment);
  let credentials = await readCredentials(environment, url);
  let token: Promise<string> | undefined;
  const agent = new Agent({ connections: connectionsMax, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });

  async function send(method: string, target: string, headers: Record<string, string>, body?: string | Readable) {
    try {
      const options = { dispatcher: agent, method, headers, ...(body === undefined ? {} : { body }) };
      return await request(new URL(target, url), options as Parameters<typeof request>[1]);
    } catch (error) {
      throw new Unreachable(url, error);
    }
  }

  async function signIn(): Promise<string> {
    if (credentials.kind === 'key') return credentials.key;
    const { email, password } = credentials;
    const headers = { 'content-type': 'application/json' };
    const answer = await send('POST', '/api/v1/auth/login', headers, JSON.stringify({ email, password }));
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw shopErrorOf(answer.statusCode, text, String(answer.headers['retry-after']));
    return (JSON.parse(text) as { accessToken: string }).accessToken;
  }

  /** Sends once; with a token that has run out, once more with a new one. */
  async function ask(method: string, target: string, headers: Record<string, string>, body?: string | Readable) {
    for (let attempt = 1; ; attempt++) {
      token ??= signIn();
      const used = token;
      const authorization = `Bearer ${await used.catch((error) => forget(used, error))}`;
      const answer = await send(method, target, { ...headers, authorization }, body);
      if (answer.statusCode < 400) return answer;
      const text = await answer.body.text().catch((error) => Promise.reject(new Unreachable(url, error)));
      if (answer.statusCode === 401 && credentials.kind === 'password' && attempt === 1 && typeof body !== 'object') {
        if (token === used) token = undefined;
        continue;
      }
      throw shopErrorOf(answer.statusCode, text, answer.headers['retry-after']?.toString());
    }
  }

  function forget(used: Promise<string>, error: unknown): never {
    if (token === used) token = undefined;
    throw error;
  }

  const shop: Shop = {
    url,
    async call(operation, call, how = {}) {
      const headers: Record<string, string> = {};
      const body = call.body === undefined ? undefined : JSON.stringify(call.body);
      if (body !== undefined) headers['content-type'] = 'application/json';
      if (how.idempotencyKey !== undefined) headers['idempotency-key'] = how.idempotencyKey;
      if (how.waitS !== undefined) headers.prefer = `wait=${how.waitS}`;
      return patiently(patienceMs, async () => {
        const answer = await ask(operation.method, targetOf(operation, call), headers, body);
        const text = await answer.body.text().catch((error) => Promise.reject(new Unreachable(url, error)));
        return (text === '' ? undefined : JSON.parse(text)) as never;
      });
    },
    async *list(operation, call, silent) {
      let cursor: string | null = null;
      do {
        const query: Record<string, unknown> = { limit: 100, ...call.query, ...(cursor !== null && { cursor }) };
        const page = (await shop.call(operation, { ...call, query } as typeof call)) as {
          items: never[];
          nextCursor: string | null;
          partial?: string[];
        };
        for (const service of page.partial ?? []) silent?.add(service);
        yield* page.items;
        cursor = page.nextCursor;
      } while (cursor !== null);
    },
    async *lines(operation, call, body) {
      const headers: Record<string, string> = body === undefined ? {} : { 'content-type': body.type };
      const repeatable = typeof body?.content !== 'object';
      const answer = await patiently(repeatable ? patienceMs : 0, () =>
        ask(operation.method, targetOf(operation, call), headers, body?.content),
      );
      yield* linesOf(answer.body, url);
    },
    speakAs(other) {
      credentials = other;
      token = undefined;
    },
    close: () => agent.close(),
  };
  return shop;
}

/** Where the environment says that the shop is. */
export function urlOf(environment: Environment): URL {
  const text = environment.STOA_URL || 'http://localhost:3000';
  if (!URL.canParse(text)) throw cliError('usage', `STOA_URL is no address: ${text}`);
  return new URL(text);
}

class Unreachable extends Error {
  constructor(url: URL, cause: unknown) {
    super(`There is no answer from ${url.origin}: ${causeText(cause)}. Is the shop running (npx stoa up)?`, { cause });
  }
}

function causeText(cause: unknown): string {
  const { message, code } = cause as { message?: string; code?: string };
  return message || code || String(cause);
}

/** Tries again while the shop is away or asks to wait. Every call of this client may be repeated: it carries a key, or is a look, or sets what it names. */
async function patiently<T>(patienceMs: number, work: () => Promise<T>): Promise<T> {
  let waitedMs = 0;
  for (let attempt = 0; ; attempt++) {
    const startedAtMs = performance.now();
    try {
      return await work();
    } catch (error) {
      const pauseMs = pauseBefore(error, attempt);
      const limited = error instanceof ShopError && error.status === 429;
      if (!limited) waitedMs += performance.now() - startedAtMs + (pauseMs ?? 0);
      if (pauseMs === undefined || patienceMs === 0 || waitedMs > patienceMs) {
        throw error instanceof Unreachable ? cliError('unavailable', error.message, { cause: error }) : error;
      }
      await sleep(pauseMs);
    }
  }
}

/** How long to wait before the next try; undefined when another try would give the same. */
function pauseBefore(error: unknown, attempt: number): number | undefined {
  const backoffMs = Math.random() * Math.min(pauseMsMax, 50 * 2 ** attempt) + 10;
  if (error instanceof Unreachable) return backoffMs;
  if (!(error instanceof ShopError)) return undefined;
  const again = error.status >= 500 || error.status === 429 || error.code === 'idempotency.in-progress';
  return again ? Math.max(backoffMs, error.retryAfterMs ?? 0) : undefined;
}

function targetOf(operation: Operation, call: { params?: unknown; query?: unknown }): string {
  const params = (call.params ?? {}) as Record<string, string>;
  const path = operation.path.replace(/:([A-Za-z]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((call.query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? path : `${path}?${query}`;
}

async function* linesOf(body: AsyncIterable<Uint8Array>, url: URL): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() as string;
      yield* lines;
    }
  } catch (error) {
    throw cliError('unavailable', `The answer of ${url.origin} broke off: ${causeText(error)}.`, { cause: error });
  }
  if (rest !== '') yield rest;
}
