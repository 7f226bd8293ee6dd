export interface AskOptions {
  readonly body?: object;
  readonly token?: string;
  /** Idempotency-Key */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface Answer<B> {
  readonly status: number;
  readonly body: B;
  /** The body as it came. */
  readonly text: string;
  readonly headers: Headers;
}

/** One request to a shop, over the network as any client's. */
export async function ask<B>(url: string, method: string, path: string, options: AskOptions): Promise<Answer<B>> {
  const { body, token, key, headers, timeoutMs = 45_000 } = options;
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` }),
      ...(key && { 'idempotency-key': key }),
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as B, text, headers: response.headers };
}
