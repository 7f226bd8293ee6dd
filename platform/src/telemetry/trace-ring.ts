import { SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';

/** A span as it is shown. */
export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  /** The service whose span it is; empty when it does not say. */
  readonly service: string;
  readonly startedAt: string;
  readonly durationMs: number;
  /** The code of the error it ended with. */
  readonly error: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A trace in a list. */
export interface TraceSummary {
  readonly traceId: string;
  /** The name of its first span. */
  readonly name: string;
  /** Whether that span has nothing above it, here or elsewhere. */
  readonly begins: boolean;
  readonly startedAt: string;
  /** From the first start to the last end. */
  readonly durationMs: number;
  readonly spans: number;
  readonly services: readonly string[];
  readonly failed: boolean;
}

const spansMaxPerTrace = 500;

/** Keeps the spans of the last traces in memory; the oldest trace makes room. */
export function createTraceRing(tracesMax: number) {
  // Records and not the SDK's spans, which hold on to much more.
  const traces = new Map<string, SpanRecord[]>();

  const processor: SpanProcessor = {
    onStart: () => undefined,
    onEnd(span) {
      const { traceId } = span.spanContext();
      const spans = traces.get(traceId);
      if (spans === undefined) {
        traces.set(traceId, [recordOf(span)]);
        if (traces.size > tracesMax) traces.delete(traces.keys().next().value as string);
      } else if (spans.length < spansMaxPerTrace) spans.push(recordOf(span));
    },
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  };

  const byId = (traceId: string) => inOrder(traces.get(traceId) ?? []);
  return {
    processor,
    byId,
    recent(limit: number): TraceSummary[] {
      const ids = [...traces.keys()].reverse().slice(0, limit);
      return ids.map((traceId) => summaryOf(traceId, byId(traceId)));
    },
  };
}

/** Spans in the order they started. */
export function inOrder(spans: readonly SpanRecord[]): SpanRecord[] {
  return [...spans].sort((a, b) => placeOf(a).localeCompare(placeOf(b)));
}

/** Spans in the order they started; of those that started in one millisecond the root first, then the longer. */
function placeOf({ startedAt, parentSpanId, durationMs }: SpanRecord): string {
  return `${startedAt} ${parentSpanId === null ? 0 : 1} ${(1e9 - durationMs).toFixed(3)}`;
}

function summaryOf(traceId: string, spans: SpanRecord[]): TraceSummary {
  const first = spans[0] as SpanRecord;
  const endMs = Math.max(...spans.map((span) => Date.parse(span.startedAt) + span.durationMs));
  return {
    traceId,
    name: first.name,
    begins: first.parentSpanId === null,
    startedAt: first.startedAt,
    durationMs: endMs - Date.parse(first.startedAt),
    spans: spans.length,
    services: [...new Set(spans.map((span) => span.service).filter((service) => service !== ''))],
    failed: spans.some((span) => span.error !== null),
  };
}

function recordOf(span: ReadableSpan): SpanRecord {
  const { traceId, spanId } = span.spanContext();
  const [seconds, nanos] = span.startTime;
  const failed = span.status.code === SpanStatusCode.ERROR;
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? null,
    name: span.name,
    service: typeof span.attributes.service === 'string' ? span.attributes.service : '',
    startedAt: new Date(seconds * 1000 + nanos / 1e6).toISOString(),
    durationMs: span.duration[0] * 1000 + span.duration[1] / 1e6,
    error: failed ? (span.status.message ?? 'error') : null,
    attributes: span.attributes,
  };
}
