/** What a process tells about itself: logs, traces, metrics. */
export { createLog, type Logger, type LogOptions, redact } from './log.ts';
export { createMetrics, type Metrics, type SagaStepMeasured, type Sample } from './metrics.ts';
export { serveMetrics } from './serve-metrics.ts';
export {
  childOf,
  formatTraceparent,
  idsOf,
  isSampled,
  newTraceparent,
  parseTraceparent,
  stepTraceparent,
  type TraceContext,
  traceIdOf,
} from './trace-context.ts';
export { inOrder, type SpanRecord, type TraceSummary } from './trace-ring.ts';
export { createTraces, errorCode, type PastSpan, type Traces, type TracesOptions } from './traces.ts';
