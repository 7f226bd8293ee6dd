import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { fault } from '@stoa/platform/errors';
import type { RequestContext } from '@stoa/platform/service';
import type { Target } from '../routing/target.ts';
import type { Recorded } from './response-cache.ts';

/** Larger answers are not for keeping in memory. */
const bodyBytesMax = 8_388_608;

/** Headers that belong to one request or one connection. */
const passing = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'set-cookie',
  'transfer-encoding',
  'x-correlation-id',
  'x-request-id',
]);

/**
 * Asks a service for an answer that is nobody's in particular: with no token, no conditions and nothing else from the client at whose
 * request it happens, and to its end even when that client goes away.
 */
export function record(target: Target, url: string, context: RequestContext): Promise<Recorded> {
  return new Promise((resolve, reject) => {
    const request = new IncomingMessage(new Socket());
    request.method = 'GET';
    request.url = url;
    request.httpVersion = '1.1';
    request.httpVersionMajor = 1;
    request.httpVersionMinor = 1;
    request.rawHeaders = ['host', 'gateway', 'accept', '*/*'];
    // Node fills this from the raw ones only for requests that its parser made.
    request.headers = { host: 'gateway', accept: '*/*' };
    request.complete = true;
    request.push(null);
    const response = new RecordedResponse(request, resolve, reject);
    const timer = setTimeout(
      () => response.fail(fault('service.deadline-exceeded', 'The service took too long.')),
      Math.max(context.deadlineMs - Date.now() + graceMs, 0),
    );
    response.once('close', () => clearTimeout(timer));
    target.handle(request, response, context);
  });
}

/** The service's own deadline comes first; this one is for a service that has forgotten the request. */
const graceMs = 1_000;

/** A response without a socket, which keeps what is written to it. */
class RecordedResponse extends ServerResponse {
  readonly #chunks: Buffer[] = [];
  readonly #resolve: (recorded: Recorded) => void;
  readonly #reject: (error: Error) => void;
  #bytes = 0;
  #over = false;

  constructor(request: IncomingMessage, resolve: (recorded: Recorded) => void, reject: (error: Error) => void) {
    super(request);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  override writeHead(status: number, ...rest: unknown[]): this {
    this.statusCode = status;
    const headers = rest.at(-1);
    if (Array.isArray(headers)) {
      for (let index = 0; index < headers.length; index += 2)
        this.appendHeader(headers[index], String(headers[index + 1]));
    } else if (typeof headers === 'object' && headers !== null) {
      for (const [name, value] of Object.entries(headers)) this.setHeader(name, value as string);
    }
    return this;
  }

  override flushHeaders(): void {
    // There is nobody to send them to.
  }

  override write(chunk: string | Uint8Array, ...rest: unknown[]): boolean {
    this.#keep(chunk, rest[0]);
    callBack(rest);
    return true;
  }

  override end(...given: unknown[]): this {
    const [chunk, encoding] = given;
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.#keep(chunk, encoding);
    if (this.#over) return this;
    this.#over = true;
    this.finished = true;
    this.#resolve({ status: this.statusCode, headers: this.#lasting(), body: Buffer.concat(this.#chunks) });
    callBack(given);
    this.emit('finish');
    this.emit('close');
    return this;
  }

  override destroy(error?: Error): this {
    this.fail(error ?? fault('service.bad-gateway', 'The service ended its answer before it was complete.'));
    return this;
  }

  fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.destroyed = true;
    this.#reject(error);
    this.emit('close');
  }

  #keep(chunk: string | Uint8Array, encoding: unknown): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : Buffer.from(chunk);
    this.#bytes += bytes.length;
    if (this.#bytes > bodyBytesMax) this.fail(fault('service.bad-gateway', 'The answer is too large.'));
    else this.#chunks.push(bytes);
  }

  #lasting(): string[] {
    const lasting: string[] = [];
    for (const [name, value] of Object.entries(this.getHeaders())) {
      if (passing.has(name) || value === undefined) continue;
      for (const one of Array.isArray(value) ? value : [value]) lasting.push(name, String(one));
    }
    return lasting;
  }
}

function callBack(rest: readonly unknown[]): void {
  const last = rest.at(-1);
  if (typeof last === 'function') process.nextTick(last as () => void);
}
