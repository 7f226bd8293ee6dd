import type { IncomingHttpHeaders } from 'node:http';
import type { Agent, Dispatcher } from 'undici';

export interface RequestToSend {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
  /** Ends it; the promise rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** The largest body that is read, in bytes. */
  readonly answerBytesMax: number;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
}

/** A request without an answer. */
export class SendFailure extends Error {
  /** Whether a byte of it may have left: if not, the other side cannot have begun. */
  readonly isBegun: boolean;
  constructor(isBegun: boolean, cause: unknown) {
    super('the request was not answered', { cause });
    this.isBegun = isBegun;
  }
}

/**
 * Sends a request and reads its answer. Undici's `dispatch` and not its `request`, because only a handler is told when a request is put on a connection:
 * before that, it is safe to send it elsewhere whatever it asks for.
 *
 * @throws SendFailure
 */
export function sendRequest(agent: Agent, request: RequestToSend): Promise<RawAnswer> {
  const { signal, answerBytesMax, method, ...parts } = request;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let status = 0;
    let headers: Record<string, string> = {};
    let controller: Dispatcher.DispatchController | undefined;
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', onAbort);
      reject(new SendFailure(controller !== undefined, error));
    };
    const end = (reason: Error) => {
      controller?.abort(reason);
      fail(reason);
    };
    const onAbort = () => end(signal.reason as Error);
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        // It waited for a connection until its time was up. Thrown, because an abort would end the connection, on which nothing has been sent.
        if (signal.aborted) throw signal.reason;
        controller = started;
      },
      onResponseStart(_, code, given) {
        status = code;
        headers = flat(given);
        if (Number(headers['content-length'] ?? 0) > answerBytesMax) end(tooLarge());
      },
      onResponseData(_, chunk) {
        bytes += chunk.length;
        if (bytes > answerBytesMax) end(tooLarge());
        else chunks.push(chunk);
      },
      onResponseEnd() {
        signal.removeEventListener('abort', onAbort);
        resolve({ status, headers, text: Buffer.concat(chunks).toString('utf8') });
      },
      onResponseError: (_, error) => fail(error),
    };
    try {
      agent.dispatch({ ...parts, method: method as Dispatcher.HttpMethod, body: request.body ?? null }, handler);
    } catch (error) {
      fail(error);
    }
  });
}

/** The reason of a SendFailure whose answer was larger than allowed. */
export class TooLarge extends Error {}

const tooLarge = () => new TooLarge('the answer is too large');

function flat(given: IncomingHttpHeaders): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in given) headers[name] = String(given[name]);
  return headers;
}
