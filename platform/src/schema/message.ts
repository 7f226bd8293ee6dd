/** What made a thing happen: carried from a request through every message and saga step that follows from it. */
export interface Cause {
  /** One id for everything that follows from one request from outside. */
  readonly correlationId: string;
  /** The message that led to this one; absent when a request did. */
  readonly causationId?: string | undefined;
  /** W3C trace context of the span this belongs under. */
  readonly traceparent?: string | undefined;
}

/**
 * Who waits for an answer: what asked for it, and until when it is of use. Every call that a handler gets is one, and so is every effect; handing it on to
 * what one asks in turn is what makes a deadline travel.
 */
export interface Asker {
  readonly cause: Cause;
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number;
}

/** The deadline of what nobody waits for (a job, a delivery): only the limits of what is called hold. */
export const nobodyWaits = Number.POSITIVE_INFINITY;

/** A message as it travels and as a handler gets it. */
export interface Message<P = unknown> {
  /** UUIDv7; a message delivered twice has one id. */
  readonly id: string;
  /** `order.confirmed.v1` */
  readonly type: string;
  /** The aggregate it is about. Messages of one key from one service are handled in the order of their commits. */
  readonly key: string;
  readonly payload: P;
  readonly occurredAt: string;
  readonly cause: Cause;
  /** Milliseconds after its arrival before which it is not handled. Holds back the later messages of its key, as any that waits does. */
  readonly delayMs?: number | undefined;
  /** Present on commands and on their replies. */
  readonly step?: StepAddress | undefined;
}

/** Which step of which saga a command belongs to. Saga and step together are the command's idempotency key. */
export interface StepAddress {
  readonly saga: string;
  readonly step: string;
  /** The service that owns the saga and waits for the reply. */
  readonly replyTo: string;
  /** `undo` takes the step back, whether or not its `do` has arrived. */
  readonly mode: 'do' | 'undo';
  /** A person asks for a step that was refused: it is tried anew instead of being answered as before. */
  readonly again?: boolean;
}

/** What a command came to. A fault is thrown instead, and the command is tried again. */
export type Outcome<R = unknown> =
  | { readonly kind: 'done'; readonly output: R }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  /** It takes longer (a provider answers by webhook); another outcome follows within `forMs`. */
  | { readonly kind: 'waiting'; readonly forMs: number }
  /** The step has been undone before; nothing was changed. */
  | { readonly kind: 'superseded' };
