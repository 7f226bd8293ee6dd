import type { IncomingMessage } from 'node:http';
import { refusal } from '@stoa/platform/errors';

/**
 * Reads a small body to its end and puts it back, so that whoever is handed the request reads it as if nobody had.
 *
 * @throws AppError `request.too-large` past `bytesMax`
 */
export function peekBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (then: () => void) => {
      request.off('readable', read);
      request.off('error', failed);
      request.off('close', gone);
      then();
    };
    const failed = (error: Error) => settle(() => reject(error));
    const gone = () => settle(() => reject(refusal('request.invalid', 'The request ended before its body did.')));

    function read(): void {
      // Only what is there: reading on would end the stream, and an ended one takes nothing back.
      while (request.readableLength > 0) {
        const chunk = request.read(request.readableLength) as Buffer | null;
        if (chunk === null) break;
        chunks.push(chunk);
        bytes += chunk.length;
      }
      if (bytes > bytesMax) {
        settle(() => reject(refusal('request.too-large', `The body is larger than ${bytesMax} bytes.`)));
      } else if (request.complete) {
        const body = Buffer.concat(chunks);
        settle(() => {
          if (bytes > 0) request.unshift(body);
          resolve(body);
        });
      }
    }

    request.on('readable', read);
    request.on('error', failed);
    request.on('close', gone);
    read();
  });
}

/** The account that the body of an auth route names; undefined when it names none. */
export function accountIn(body: Buffer): string | undefined {
  try {
    const { email } = JSON.parse(body.toString('utf8')) as { email?: unknown };
    return typeof email === 'string' ? email.trim().normalize('NFC').toLowerCase() : undefined;
  } catch {
    // Not JSON, so nobody will be let in with it; the service says what is wrong.
    return undefined;
  }
}
