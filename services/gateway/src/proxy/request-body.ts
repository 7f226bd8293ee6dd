import type { IncomingMessage } from 'node:http';
import { Transform, type TransformCallback } from 'node:stream';
import { refusal } from '@stoa/platform/errors';
import { tooLarge } from '../answer/too-large.ts';

/** Bodies up to this length are read before anything is sent: they can be sent twice, and a slow client holds no connection to a service. */
export const bufferedBytesMax = 65_536;

/**
 * What is sent after the headers. `none` and `buffered` can be sent again; of `streamed` nothing is read before a connection takes it, and from
 * then on it can not.
 */
export type RequestBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'buffered'; readonly bytes: Buffer }
  | { readonly kind: 'streamed'; readonly bytesExpected: number | undefined };

/** Reads a body of known length to its end. A client that breaks off never gets there: then its response closes, and nothing is waited for. */
export function readWhole(request: IncomingMessage, then: (bytes: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.once('end', () => then(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
  // The response tells the same, and sooner.
  request.on('error', () => undefined);
}

/**
 * A body on its way, of a bounded length: that of one in chunks shows only as it comes. Undici destroys what it has sent, and the client's
 * request must outlive that.
 */
export class StreamedBody extends Transform {
  readonly #request: IncomingMessage;
  readonly #bytesMax: number;
  readonly #isRefused: () => boolean;
  #bytes = 0;

  /** `isRefused`: its client has been told that it came too late, and is likely to send it again. */
  constructor(request: IncomingMessage, bytesMax: number, isRefused: () => boolean) {
    super();
    this.#request = request;
    this.#bytesMax = bytesMax;
    this.#isRefused = isRefused;
    request.on('error', () => undefined);
    request.once('close', this.#cut);
  }

  /** To be called when a connection takes the body. */
  begin(): void {
    this.#request.pipe(this);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#bytesMax) callback(tooLarge(this.#bytesMax));
    else if (this.#isRefused()) callback(tooLate());
    else callback(null, chunk);
  }

  override _flush(callback: TransformCallback): void {
    callback(this.#isRefused() ? tooLate() : null);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#request.off('close', this.#cut);
    this.#request.unpipe(this);
    super._destroy(error, callback);
  }

  #cut = () => {
    if (!this.#request.complete) this.destroy(refusal('request.invalid', 'The request ended before its body did.'));
  };
}

function tooLate(): Error {
  return refusal('request.timeout', 'The request was answered before its body had come.');
}
