import { createHash, randomFillSync } from 'node:crypto';
import type { Cause } from '../schema/index.ts';

/** The parts of a W3C `traceparent`. */
export interface TraceContext {
  /** 32 lower-case hexadecimal characters. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal characters. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const zeroTrace = '0'.repeat(32);
const zeroSpan = '0'.repeat(16);

/** Reads a `traceparent`; undefined when it is none (https://www.w3.org/TR/trace-context/#traceparent-header). */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  if (text === undefined || text.length < 55 || text.length > 256) return undefined;
  const match = shape.exec(text);
  if (!match) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', rest] = match;
  if (version === 'ff' || traceId === zeroTrace || spanId === zeroSpan) return undefined;
  // Version 00 has exactly four parts; later ones may append more.
  if (version === '00' && rest !== undefined) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Writes a `traceparent` of version 00. */
export function formatTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? '01' : '00'}`;
}

/** A `traceparent` that starts a new trace: what comes under it has no parent (see `beginsTrace`). */
export function newTraceparent(sampled = false): string {
  const traceId = newTraceId();
  return formatTraceparent({ traceId, spanId: traceId.slice(16), sampled });
}

/**
 * Whether the trace begins here. W3C asks for a span's id even where no span is yet, so the one that stands for none is the second half of the
 * trace's own id: a span under it would hang from nothing, and is recorded as the trace's root instead.
 */
export function beginsTrace({ traceId, spanId }: TraceContext): boolean {
  return traceId.endsWith(spanId);
}

/**
 * The `traceparent` of a saga's step, of the same trace as `traceparent`. It follows from the step alone, because the process that hears the
 * step's reply need not be the one that sent its command. What is not recorded is given back as it is.
 */
export function stepTraceparent(
  traceparent: string | undefined,
  sagaId: string,
  step: string,
  mode: string,
): string | undefined {
  if (traceparent === undefined || !isSampled(traceparent)) return traceparent;
  const spanId = createHash('sha256').update(`${sagaId} ${step} ${mode}`).digest('hex').slice(0, 16);
  return `${traceparent.slice(0, 36)}${spanId}${traceparent.slice(52)}`;
}

/** A `traceparent` of the same trace with a span of its own; a new trace when there is nothing to be a child of. */
export function childOf(traceparent: string | undefined): string {
  const parent = parseTraceparent(traceparent);
  return parent === undefined ? newTraceparent() : formatTraceparent({ ...parent, spanId: newSpanId() });
}

/** The trace's id; empty when `traceparent` is missing. Takes it on trust: for values that were parsed at the door. */
export function traceIdOf(traceparent: string | undefined): string {
  return traceparent === undefined ? '' : traceparent.slice(3, 35);
}

/** Whether the trace is recorded. Takes `traceparent` on trust, like `traceIdOf`. */
export function isSampled(traceparent: string | undefined): boolean {
  return traceparent !== undefined && (traceparent.charCodeAt(54) & 1) === 1;
}

/** The ids that every log line about a cause carries. */
export function idsOf(cause: Cause, sagaId?: string): { correlationId: string; traceId: string; sagaId?: string } {
  const ids = { correlationId: cause.correlationId, traceId: traceIdOf(cause.traceparent) };
  return sagaId === undefined ? ids : { ...ids, sagaId };
}

/** A span's id: 16 lower-case hexadecimal characters. */
export function newSpanId(): string {
  return randomHex(8);
}

/** A trace's id: 32 lower-case hexadecimal characters. */
export function newTraceId(): string {
  return randomHex(16);
}

const pool = Buffer.allocUnsafe(8192);
let poolOffset = pool.length;

// From a pool: asking the system for 24 random bytes a request costs more than the rest of the hand-over's header work.
function randomHex(bytes: number): string {
  if (poolOffset + bytes > pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  poolOffset += bytes;
  return pool.toString('hex', poolOffset - bytes, poolOffset);
}
