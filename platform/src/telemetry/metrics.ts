import { setTimeout as pause } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { createDurations, type Durations } from './durations.ts';

/** Prometheus gives a process ten seconds for all its numbers. */
const gaugeMsMax = 2_000;

/** Numbers of one process, as Prometheus reads them. */
export interface Metrics {
  /**
   * Rate, errors and duration of a service's operations: counts into `stoa_http_request_seconds`. Labels are the operation's name, its method
   * and the class of the status, so there are at most a few hundred.
   */
  observeHttp(service: string): (operation: string, method: string, status: number, seconds: number) => void;
  /**
   * Counts a saga's step into `stoa_saga_step_seconds`, from its command to the reply that it acted on. Labels are names in the sagas'
   * definitions, so there are at most a few hundred.
   */
  readonly observeStep: (step: SagaStepMeasured, seconds: number) => void;
  /** A value that is asked for whenever the metrics are read. `read` gives values with their labels, or throws and is left out this time. */
  gauge(
    name: string,
    help: string,
    labels: readonly string[],
    read: () => Promise<readonly Sample[]> | readonly Sample[],
  ): void;
  /** A count that only grows. */
  counter(name: string, help: string, labels: readonly string[]): (labels: Record<string, string>, by?: number) => void;
  /** Durations in seconds; `buckets` are their upper bounds. */
  histogram(
    name: string,
    help: string,
    labels: readonly string[],
    buckets?: readonly number[],
  ): (labels: Record<string, string>, seconds: number) => void;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** A saga's step that came to an end. */
export interface SagaStepMeasured {
  readonly saga: string;
  readonly step: string;
  readonly mode: 'do' | 'undo';
  readonly outcome: 'done' | 'refused' | 'superseded' | 'given-up';
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** Metrics of this process, with those of Node itself unless `ofProcess` is false. */
export function createMetrics(options: { ofProcess?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (options.ofProcess !== false) collectDefaultMetrics({ register: registry });
  const http = createDurations(registry, {
    name: 'stoa_http_request_seconds',
    help: 'Requests by operation, method and class of status, and the seconds they took',
    bounds: secondsBuckets,
  });
  const steps = createDurations(registry, {
    name: 'stoa_saga_step_seconds',
    help: 'Steps of sagas by outcome, and the seconds from command to reply',
    bounds: secondsBuckets,
  });
  const stepSeries = new Map<string, Durations>();

  return {
    observeStep({ saga, step, mode, outcome }, seconds) {
      const key = `${saga} ${step} ${mode} ${outcome}`;
      let series = stepSeries.get(key);
      if (series === undefined) {
        series = steps({ saga, step, mode, outcome });
        stepSeries.set(key, series);
      }
      series.observe(seconds);
    },
    observeHttp(service) {
      const series = new Map<string, (Durations | undefined)[]>();
      return (operation, method, status, seconds) => {
        const key = `${method} ${operation}`;
        let classes = series.get(key);
        if (classes === undefined) {
          classes = [];
          series.set(key, classes);
        }
        const at = Math.min(Math.max(Math.floor(status / 100), 1), 5) - 1;
        classes[at] ??= http({ service, operation, method, status: statusClasses[at] as string });
        classes[at].observe(seconds);
      };
    },
    gauge(name, help, labels, read) {
      // One at a time: of a database that hangs nothing more is asked each time somebody reads the metrics.
      let reading: Promise<readonly Sample[]> | undefined;
      const values = async () => {
        reading ??= (async () => read())().finally(() => {
          reading = undefined;
        });
        const inTime = new AbortController();
        const nothing = pause<readonly Sample[]>(gaugeMsMax, [], { signal: inTime.signal, ref: false });
        return Promise.race([reading, nothing]).finally(() => inTime.abort());
      };
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers: [registry],
        async collect() {
          this.reset();
          try {
            for (const { labels: given, value } of await values()) this.set({ ...given }, value);
          } catch {
            // A database that is away, or hangs, must not take the other numbers with it; its absence shows.
          }
        },
      });
    },
    counter(name, help, labels) {
      const counter = new Counter({ name, help, labelNames: [...labels], registers: [registry] });
      return (given, by = 1) => counter.inc(given, by);
    },
    histogram(name, help, labels, buckets = secondsBuckets) {
      const histogram = new Histogram({
        name,
        help,
        labelNames: [...labels],
        buckets: [...buckets],
        registers: [registry],
      });
      return (given, seconds) => histogram.observe(given, seconds);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
