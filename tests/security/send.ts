import { Agent, type IncomingHttpHeaders, request } from 'node:http';

/** A request as it goes over the wire: nothing is mended on the way. */
export interface Sending {
  readonly method: string;
  /** Path and query, escaped as they shall arrive. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
}

export interface Sent {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** From the request's first byte to the answer's last one. */
  readonly ms: number;
}

const answerMsMax = 30_000;

/** Clients that share connections, as browsers and machines do. */
export class Wire {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends; a stream of events is read to its first piece. Tries once more on a connection that the shop had closed meanwhile. */
  async send(sending: Sending): Promise<Sent> {
    try {
      return await this.#once(sending, this.#agent);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ECONNRESET' && code !== 'EPIPE') throw error;
      return this.#once(sending, new Agent());
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #once({ method, path, headers = {}, body }: Sending, agent: Agent): Promise<Sent> {
    return new Promise((resolve, reject) => {
      const startedMs = performance.now();
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const asking = request(
        { host: '127.0.0.1', port: this.#port, method, path, agent, headers: { ...length, ...headers } },
        (response) => {
          const chunks: Buffer[] = [];
          const settle = () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString('utf8'),
              ms: performance.now() - startedMs,
            });
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            if (response.headers['content-type'] !== 'text/event-stream') return;
            settle();
            response.destroy();
          });
          response.on('end', settle);
          response.on('error', reject);
        },
      );
      asking.setTimeout(answerMsMax, () => asking.destroy(new Error(`${method} ${path.slice(0, 200)}: no answer`)));
      asking.on('error', reject);
      asking.end(body);
    });
  }
}

/** The code of a problem; undefined for every other answer. */
export function codeOf({ text, headers }: Sent): string | undefined {
  if (headers['content-type'] !== 'application/problem+json') return undefined;
  return (JSON.parse(text) as { code: string }).code;
}
