import type { IncomingMessage } from 'node:http';
import { type Readable, Transform } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type AppError, findAppError, refusal } from '../errors/index.ts';
import { UnreadableBody } from './carry-out.ts';
import { parseJson } from './json-body.ts';

/** Reads JSON bodies. What cannot be read is handed on as an `UnreadableBody`, so that who may call is settled before what was sent. */
export function takeJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    done(null, readJson(request.raw, bytes as Buffer));
  });
  app.addContentTypeParser('*', (_request, _payload, done) => {
    done(null, new UnreadableBody(unsupported('Send the body as application/json.')));
  });
}

/** Hands bodies on as streams; `stream` below checks their type and counts their bytes. */
export function takeStreams(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
}

function readJson(request: IncomingMessage, bytes: Buffer): unknown {
  try {
    checkContentType(request);
    if (
      !/^\s*application\/json\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*$/i.test(request.headers['content-type'] ?? '')
    ) {
      throw unsupported('Send the body as application/json in UTF-8.');
    }
    return bytes.length === 0 ? undefined : parseJson(bytes);
  } catch (error) {
    const known = findAppError(error);
    if (known === undefined) throw error;
    return new UnreadableBody(known);
  }
}

/**
 * The body of a request as a stream of at most `bytesMax` bytes of one of the types; past that it fails with `request.too-large`.
 *
 * @throws AppError 415 for another type, 413 when the length is announced and too large
 */
export function limitedStream(request: IncomingMessage, types: readonly string[], bytesMax: number): Readable {
  checkContentType(request);
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!types.includes(type)) throw unsupported(`Send the body as ${types.join(' or ')}.`);
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge();
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length;
      if (bytes > bytesMax) next(tooLarge());
      else next(null, chunk);
    },
  });
  // Without a listener a stream that nobody reads to its end would bring the process down when it fails.
  counted.on('error', () => undefined);
  request.on('error', (error) => counted.destroy(error));
  request.on('close', () => {
    if (!request.complete) counted.destroy(new Error('the caller went away'));
  });
  return request.pipe(counted);
}

function checkContentType(request: IncomingMessage): void {
  if (request.headers['content-encoding'] !== undefined) throw unsupported('Send the body without a content encoding.');
  let given = 0;
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    if (request.rawHeaders[at]?.length === 12 && request.rawHeaders[at]?.toLowerCase() === 'content-type') given++;
  }
  if (given > 1) throw unsupported('Send one content type.');
}

export function unsupported(detail: string): AppError {
  return refusal('request.unsupported-media-type', detail);
}

export function tooLarge(): AppError {
  return refusal('request.too-large', 'The body is larger than this operation takes.');
}
