import { idTimeMs } from '../ids/index.ts';
import type { Message } from '../schema/index.ts';
import type { Tx } from '../sql/index.ts';
import { childOf, errorCode, isSampled, type Traces } from '../telemetry/index.ts';

type HandleMany = (messages: readonly Message[], tx: Tx) => Promise<void>;

/** Puts two spans under each recorded message's sender: how long the message waited, and what was made of it. */
export function traceMessages(handle: HandleMany, service: string, traces: Traces | undefined): HandleMany {
  if (traces === undefined) return handle;
  return (messages, tx) => {
    for (const { cause } of messages) if (isSampled(cause.traceparent)) return underSpans(messages, tx);
    return handle(messages, tx);
  };

  async function underSpans(messages: readonly Message[], tx: Tx): Promise<void> {
    const startedMs = Date.now();
    const own = messages.map((message) => (isSampled(message.cause.traceparent) ? underOwnSpan(message) : message));
    const record = (error?: string) => {
      messages.forEach((message, at) => {
        const handled = own[at] as Message;
        if (handled !== message) recordBoth(message, handled, { startedMs, error, batch: messages.length });
      });
    };
    try {
      await handle(own, tx);
    } catch (error) {
      record(errorCode(error));
      throw error;
    }
    tx.afterCommit(() => record());
  }

  function recordBoth(
    { id, type, key, cause, step }: Message,
    { cause: { traceparent: own } }: Message,
    { startedMs, error, batch }: { startedMs: number; error: string | undefined; batch: number },
  ): void {
    const attributes = { service, messageId: id, type, key, ...(step && { sagaId: step.saga, step: step.step }) };
    traces?.record({
      name: 'queue wait',
      cause,
      startedMs: Math.min(idTimeMs(id), startedMs),
      endedMs: startedMs,
      attributes: { service, messageId: id, type },
    });
    // A batch fails as a whole, and each of its messages is then tried alone: only that try says whose failure it was.
    const outcome = error === undefined || batch === 1 ? {} : { batchFailed: error };
    traces?.record({
      name: type,
      cause,
      own,
      startedMs,
      attributes: { ...attributes, ...outcome, batch },
      error: batch === 1 ? error : undefined,
    });
  }
}

function underOwnSpan(message: Message): Message {
  return { ...message, cause: { ...message.cause, traceparent: childOf(message.cause.traceparent) } };
}
