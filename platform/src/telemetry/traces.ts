import { setTimeout as pause } from 'node:timers/promises';
import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { type Environment, readSettings, setting } from '../config/index.ts';
import type { Cause } from '../schema/index.ts';
import {
  beginsTrace,
  formatTraceparent,
  isSampled,
  newSpanId,
  newTraceId,
  newTraceparent,
  parseTraceparent,
  type TraceContext,
} from './trace-context.ts';
import { createTraceRing, type SpanRecord, type TraceSummary } from './trace-ring.ts';

/** The traces of a process. */
export interface Traces {
  /** Names the process that keeps them. */
  readonly keeper: string;
  /**
   * The `traceparent` of a request from outside: goes on with the trace it names, or starts one. Whether it is recorded is decided here, by
   * what is left of this second's budget, and holds for everything that follows.
   */
  start(given?: string): string;
  /**
   * Runs `run` under a span of its own when the trace is recorded; otherwise just runs it. `run` gets the cause to hand on.
   *
   * @param attributes `service` says whose span it is
   */
  span<T>(name: string, cause: Cause, attributes: Attributes, run: (cause: Cause) => Promise<T>): Promise<T>;
  /** Records a span that has ended; nothing when its trace is not recorded. */
  record(span: PastSpan): void;
  /** The newest traces kept in this process, newest first. */
  recent(limit?: number): TraceSummary[];
  /** The spans of one trace kept in this process, in the order they started; empty when there are none. */
  byId(traceId: string): SpanRecord[];
  /** Sends what has not been sent. */
  close(): Promise<void>;
}

/** A span that has ended. Times are milliseconds since the epoch. */
export interface PastSpan {
  readonly name: string;
  /** What it is under. */
  readonly cause: Cause;
  /** Its own `traceparent`, where spans were put under it before it ended. */
  readonly own?: string | undefined;
  readonly startedMs: number;
  /** Now unless given. */
  readonly endedMs?: number;
  /** `service` says whose span it is. */
  readonly attributes: Attributes;
  /** The code of the error it ended with. */
  readonly error?: string | undefined;
}

export interface TracesOptions {
  /** `OTEL_EXPORTER_OTLP_ENDPOINT` and the other variables of the OpenTelemetry specification; nothing leaves the process without it. */
  readonly environment: Environment;
  readonly version?: string;
  /** Traces recorded a second at the most; 10 unless given. By hand one sees everything, under load it costs nothing. */
  readonly perSecondMax?: number;
  /** Traces kept in this process; 500 unless given. */
  readonly keptMax?: number;
}

const settings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: setting.optional(
    setting.url({ protocols: ['http', 'https'], describe: 'where traces are sent, by OTLP over HTTP' }),
  ),
};

/** @throws AppError `config.invalid` for an endpoint that is no URL */
export async function createTraces(options: TracesOptions): Promise<Traces> {
  const ring = createTraceRing(options.keptMax ?? 500);
  const processors: SpanProcessor[] = [ring.processor];
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = readSettings(options.environment, settings);
  if (endpoint !== undefined) processors.push(await exportTo(endpoint));
  const ids = createIds();
  const provider = new BasicTracerProvider({
    idGenerator: ids,
    resource: resourceFromAttributes({ 'service.name': 'stoa', 'service.version': options.version ?? 'unknown' }),
    spanProcessors: processors,
  });
  const tracer = provider.getTracer('stoa');
  const admit = createBudget(options.perSecondMax ?? 10);

  function startSpan(name: string, cause: Cause, options: SpanOptions, own?: string): Span {
    const parent = parseTraceparent(cause.traceparent);
    const isRoot = parent === undefined || beginsTrace(parent);
    return ids.during({ traceId: isRoot ? parent?.traceId : undefined, spanId: own?.slice(36, 52) }, () =>
      tracer.startSpan(name, options, isRoot ? ROOT_CONTEXT : contextOf(parent)),
    );
  }

  async function recorded<T>(
    name: string,
    cause: Cause,
    attributes: Attributes,
    run: (cause: Cause) => Promise<T>,
  ): Promise<T> {
    const span = startSpan(name, cause, { attributes });
    const { traceId, spanId } = span.spanContext();
    try {
      return await run({ ...cause, traceparent: formatTraceparent({ traceId, spanId, sampled: true }) });
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: errorCode(error) });
      throw error;
    } finally {
      span.end();
    }
  }

  return {
    keeper: newSpanId(),
    start(given) {
      const sampled = admit();
      const parent = parseTraceparent(given);
      return parent === undefined ? newTraceparent(sampled) : formatTraceparent({ ...parent, sampled });
    },
    span: (name, cause, attributes, run) =>
      isSampled(cause.traceparent) ? recorded(name, cause, attributes, run) : run(cause),
    record({ name, cause, own, startedMs, endedMs = Date.now(), attributes, error }) {
      if (!isSampled(cause.traceparent)) return;
      const span = startSpan(name, cause, { attributes, startTime: new Date(startedMs) }, own);
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
      span.end(new Date(Math.max(startedMs, endedMs)));
    },
    recent: (limit = 100) => ring.recent(limit),
    byId: (traceId) => ring.byId(traceId),
    // A collector that is away would keep the process, and all that is closed after this.
    close: () =>
      Promise.race([provider.shutdown().catch(() => undefined), pause(closeMsMax, undefined, { ref: false })]),
  };
}

/** How long the last spans may take to a collector. */
const closeMsMax = 1_000;

async function exportTo(endpoint: string): Promise<SpanProcessor> {
  // Loaded only where it is used: it takes a third of the SDK's memory.
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  return new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` }));
}

function contextOf({ traceId, spanId }: TraceContext) {
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true });
}

/** What a span says about the error it ended with: the code and not the text, which may name people. */
export function errorCode(error: unknown): string {
  const { name, code } = error as { name?: unknown; code?: unknown };
  if (typeof code === 'string') return code;
  return typeof name === 'string' ? name : 'error';
}

/** Ids of spans: new ones, save those laid down while a span starts. */
function createIds() {
  let given: { traceId?: string | undefined; spanId?: string | undefined } = {};
  return {
    generateTraceId: () => given.traceId ?? newTraceId(),
    generateSpanId: () => given.spanId ?? newSpanId(),
    during<T>(ids: typeof given, start: () => T): T {
      given = ids;
      try {
        return start();
      } finally {
        given = {};
      }
    },
  };
}

function createBudget(perSecondMax: number): () => boolean {
  let second = 0;
  let used = 0;
  return () => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) {
      second = now;
      used = 0;
    }
    return ++used <= perSecondMax;
  };
}
