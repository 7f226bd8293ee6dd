/** What a process tells about itself: logs, traces, metrics. */
export { createLog, type LogOptions, type Logger, redact } from './log.ts';
export {
  childOf,
  formatTraceparent,
  idsOf,
  isSampled,
  newTraceparent,
  parseTraceparent,
  type TraceContext,
  traceIdOf,
} from './trace-context.ts';
