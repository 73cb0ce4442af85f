// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { Attributes, Meter } from "@opentelemetry/api";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { type IMetricReader, MeterProvider } from "@opentelemetry/sdk-metrics";
import type { Instruments, Report } from "./instrument.ts";
import { createOtlpReader } from "./otlp-reader.ts";
import { PullReader } from "./pull-reader.ts";
import { createStateProducer, maxSeries } from "./state-producer.ts";

type MetricsOptions<T extends Instruments> = {
  readonly instruments: T;
  /** Reports counters and gauges as they are now, at each request. What it leaves out is not shown. */
  readonly collect: (report: Report<T>) => void;
  /** The measured process: `service.name`, `service.version`, `host.name` … */
  readonly resource: Readonly<Record<string, string>>;
  /** Send to this collector by OTLP over HTTP, e.g. `http://localhost:4318`. */
  readonly otlpEndpoint?: string;
  readonly otlpIntervalMs?: number;
};

export type Metrics<T extends Instruments> = AsyncDisposable & {
  /** All metrics in the text format of Prometheus. */
  text(): Promise<string>;
  /** One observation of a histogram. */
  readonly observe: Report<T>;
};

/** Metrics of this process. Nothing is measured until the first request. */
export async function createMetrics<const T extends Instruments>(
  { logger }: { readonly logger: Logger },
  options: MetricsOptions<T>,
): Promise<Metrics<T>> {
  const { instruments, collect, resource, otlpEndpoint, otlpIntervalMs } = options;
  const metricProducers = [createStateProducer(instruments, collect)];
  const pull = new PullReader({ metricProducers });
  const readers: IMetricReader[] = [pull];
  if (otlpEndpoint !== undefined)
    readers.push(
      await createOtlpReader(
        { logger },
        { endpoint: otlpEndpoint, intervalMs: otlpIntervalMs, metricProducers },
      ),
    );
  const provider = new MeterProvider({
    resource: resourceFromAttributes(resource),
    readers,
    views: [{ instrumentName: "*", aggregationCardinalityLimit: maxSeries }],
  });
  // Each series has its labels and no more: neither the library's name nor target_info.
  const serializer = new PrometheusSerializer("", false, undefined, true, true);
  return {
    observe: histograms(provider.getMeter("gander"), instruments),
    async text() {
      const { resourceMetrics, errors } = await pull.collect();
      for (const error of errors) logger.warn("Metrics cannot be collected", { error });
      return `${serializer.serialize(resourceMetrics).trimEnd()}\n`;
    },
    [Symbol.asyncDispose]: () => provider.shutdown(),
  };
}

/** Seconds; an answer takes milliseconds near by and minutes where something is slow. */
const boundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

function histograms<T extends Instruments>(meter: Meter, instruments: T): Report<T> {
  const record = new Map<string, (value: number, labels?: Attributes) => void>();
  for (const [name, { kind, help: description }] of Object.entries(instruments)) {
    if (kind !== "histogram") continue;
    const advice = { explicitBucketBoundaries: boundaries };
    const histogram = meter.createHistogram(name, { description, advice });
    record.set(name, (value, labels) => histogram.record(value, labels));
  }
  return (name, value, ...[labels]) => record.get(name)?.(Number(value), labels);
}
