import { Agent, request } from 'undici';
import { certificateAdvice, fault, isCertificateCode } from '../errors/index.ts';

export interface ConsulAnswer {
  readonly status: number;
  readonly body: unknown;
  /** Where the next blocking query goes on. */
  readonly index: number;
  /** False when the answer may be old because the servers have no leader. */
  readonly hasLeader: boolean;
}

export interface ConsulAsk {
  readonly method?: 'GET' | 'PUT';
  readonly body?: unknown;
  /** Statuses besides 200 that are answers and not failures. */
  readonly answers?: readonly number[];
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface ConsulApiOptions {
  readonly url: string;
  readonly token: string | undefined;
}

/** Longer than a Consul takes that is well. */
const timeoutMsDefault = 3_000;

/** Consul's HTTP API: https://developer.hashicorp.com/consul/api-docs */
export class ConsulApi {
  readonly #base: string;
  readonly #shown: string;
  readonly #headers: Readonly<Record<string, string>>;
  // Times are limited per request: a blocking query waits much longer than the others.
  readonly #dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0, connectTimeout: timeoutMsDefault });

  constructor({ url, token }: ConsulApiOptions) {
    const { origin, pathname } = new URL(url);
    this.#base = `${origin}${pathname.replace(/\/$/, '')}`;
    this.#shown = `Consul at ${origin}`;
    this.#headers = token === undefined ? {} : { 'x-consul-token': token };
  }

  /**
   * @throws AppError `service.unavailable` when it cannot be reached or has no leader, `config.invalid` when it does not allow what is asked or
   *   is no Consul
   */
  async ask(
    path: string,
    { method = 'GET', body, answers = [], timeoutMs, signal }: ConsulAsk = {},
  ): Promise<ConsulAnswer> {
    const timeout = AbortSignal.timeout(timeoutMs ?? timeoutMsDefault);
    let status: number;
    let text: string;
    let headers: Readonly<Record<string, string | string[] | undefined>>;
    try {
      const answer = await request(`${this.#base}${path}`, {
        dispatcher: this.#dispatcher,
        method,
        headers: this.#headers,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      ({ statusCode: status, headers } = answer);
      text = await answer.body.text();
    } catch (error) {
      if (isCertificateCode((error as { code?: unknown }).code)) throw this.#refused(error as Error);
      const why = timeout.aborted ? 'it does not answer' : reasonOf(error);
      throw this.#unavailable(`cannot be reached (${why}): start it, or correct STOA_CONSUL_URL`, error);
    }
    if (status !== 200 && !answers.includes(status)) throw this.#failure(status, text.trim().slice(0, 200));
    return {
      status,
      body: status === 404 ? undefined : this.#parse(text),
      index: Number(headers['x-consul-index'] ?? 0),
      hasLeader: headers['x-consul-knownleader'] !== 'false',
    };
  }

  close(): Promise<void> {
    return this.#dispatcher.destroy();
  }

  #failure(status: number, text: string) {
    if (status === 401 || status === 403)
      return fault(
        'config.invalid',
        `STOA_CONSUL_TOKEN: ${this.#shown} refuses (${text}): give a token with service:write for the services of this process, and ` +
          'service:read and node:read for all',
      );
    if (status === 429 || status >= 500) return this.#unavailable(`cannot answer (${status} ${text})`);
    return fault('config.invalid', `STOA_CONSUL_URL: ${this.#shown} refuses (${status} ${text}): is it Consul?`);
  }

  #refused(error: Error) {
    const detail = `STOA_CONSUL_URL: ${this.#shown} shows a certificate that is not accepted (${error.message}). ${certificateAdvice}`;
    return fault('config.invalid', detail, { cause: error });
  }

  #unavailable(what: string, cause?: unknown) {
    return fault('service.unavailable', `STOA_CONSUL_URL: ${this.#shown} ${what}`, { cause, retryAfterS: 1 });
  }

  #parse(text: string): unknown {
    if (text === '') return undefined;
    try {
      return JSON.parse(text);
    } catch (error) {
      throw fault(
        'config.invalid',
        `STOA_CONSUL_URL: ${this.#shown} does not answer as Consul does: is it another server?`,
        {
          cause: error,
        },
      );
    }
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
