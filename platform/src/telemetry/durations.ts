import type { Metric, Registry } from 'prom-client';

/** The durations of one set of labels. */
export interface Durations {
  observe(seconds: number): void;
}

interface Counted extends Durations {
  readonly labels: Readonly<Record<string, string>>;
  /** How many fell into each bucket, not those before it; the last is above every bound. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/**
 * A histogram whose series are looked up once. prom-client's own validates and hashes the labels at every observation: a saga's step then took
 * 2.0 µs to count, and takes 0.4 µs so. The text is the same.
 *
 * @param bounds upper bounds of the buckets in seconds, ascending
 */
export function createDurations(
  registry: Registry,
  { name, help, bounds }: { name: string; help: string; bounds: readonly number[] },
): (labels: Readonly<Record<string, string>>) => Durations {
  const all: Counted[] = [];
  const get = async () => ({ name, help, type: 'histogram', values: all.flatMap(valuesOf), aggregator: 'sum' });
  registry.registerMetric({ name, help, get } as unknown as Metric<string>);

  function valuesOf({ labels, counts, sum }: Counted) {
    let total = 0;
    const buckets = counts.map((count, at) => {
      total += count;
      return { metricName: `${name}_bucket`, labels: { le: bounds[at] ?? '+Inf', ...labels }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: total },
    ];
  }

  return (labels) => {
    const series = countInto(labels, bounds);
    all.push(series);
    return series;
  };
}

function countInto(labels: Counted['labels'], bounds: readonly number[]): Counted {
  const counts = Array.from({ length: bounds.length + 1 }, () => 0);
  let sum = 0;
  return {
    labels,
    counts,
    get sum() {
      return sum;
    },
    observe(seconds) {
      if (!(seconds >= 0)) return;
      let at = 0;
      while (at < bounds.length && seconds > (bounds[at] as number)) at++;
      counts[at] = (counts[at] as number) + 1;
      sum += seconds;
    },
  };
}
