import { Readable } from 'node:stream';
import type { Answer, Call } from '../service/index.ts';

/** One event of a stream. `data` is sent as JSON. */
export interface ServerEvent {
  /** What a client that comes back sends as `Last-Event-ID`. */
  readonly id?: string | number;
  readonly event?: string;
  readonly data: unknown;
}

const heartbeatMsDefault = 15_000;

/**
 * Answers with server-sent events. A comment goes out every 15 s, so that nobody in between takes the silence for death. When the caller
 * goes away `call.signal` is aborted and the source is told to return; a source that waits should wait on that signal.
 */
export function sse(
  call: Pick<Call, 'signal'>,
  source: AsyncIterable<ServerEvent>,
  options: { heartbeatMs?: number } = {},
): Answer<never> {
  const events = source[Symbol.asyncIterator]();
  let pulling = false;
  const stream = new Readable({
    read() {
      if (pulling) return;
      pulling = true;
      pull(this, events).finally(() => {
        pulling = false;
      });
    },
    destroy(error, done) {
      clearInterval(heartbeat);
      // Not awaited: a source in the middle of waiting would hold up the end of the connection.
      events.return?.().catch(() => undefined);
      done(error);
    },
  });
  const heartbeat = setInterval(() => {
    if (stream.readableLength === 0) stream.push(':\n\n');
  }, options.heartbeatMs ?? heartbeatMsDefault);
  heartbeat.unref();
  call.signal.addEventListener('abort', () => stream.destroy(), { once: true });
  return { stream, headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' } };
}

async function pull(stream: Readable, events: AsyncIterator<ServerEvent>): Promise<void> {
  try {
    for (;;) {
      const next = await events.next();
      if (stream.destroyed) return;
      if (next.done === true) {
        stream.push(null);
        return;
      }
      if (!stream.push(eventText(next.value))) return;
    }
  } catch (error) {
    stream.destroy(error as Error);
  }
}

/** The event as it goes over the line. JSON has no line breaks, and ids and names lose theirs. */
export function eventText({ id, event, data }: ServerEvent): string {
  const idLine = id === undefined ? '' : `id: ${oneLine(String(id))}\n`;
  const nameLine = event === undefined ? '' : `event: ${oneLine(event)}\n`;
  return `${idLine}${nameLine}data: ${JSON.stringify(data)}\n\n`;
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\0]/g, '');
}
