// SPDX-License-Identifier: Apache-2.0
import { type Attributes, type HrTime, ValueType } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";
import type { Instrument, Instruments, Report } from "./instrument.ts";

/** The most series of an instrument; those above it are left out, and counted. */
export const maxSeries = 5_000;

export const leftOutInstruments = {
  gander_metrics_left_out: {
    kind: "gauge",
    help: `Series that are not shown, as there are more than ${maxSeries} of this metric.`,
    labels: { metric: "name" },
  },
} as const satisfies Instruments;

/**
 * Counters and gauges as `collect` reports them. The SDK's own observable instruments would keep showing
 * every series there ever was: a deleted policy, and each state that a policy was in. Values reported
 * twice with the same labels are added up.
 */
export function createStateProducer<T extends Instruments>(
  instruments: T,
  collect: (report: Report<T>) => void,
): MetricProducer {
  const startTime = hrTime(performance.timeOrigin);
  return {
    async collect() {
      const endTime = hrTime(Date.now());
      const series = seriesOf(instruments, collect, { startTime, endTime });
      const metrics = [...series].map(([name, points]) => {
        const instrument = instruments[name] ?? leftOutInstruments.gander_metrics_left_out;
        return metricData(name, instrument, points);
      });
      const scopeMetrics = [{ scope: { name: "gander" }, metrics }];
      // The reader puts the provider's resource in its place.
      return {
        resourceMetrics: { resource: resourceFromAttributes({}), scopeMetrics },
        errors: [],
      };
    },
  };
}

type Times = { readonly startTime: HrTime; readonly endTime: HrTime };

function seriesOf<T extends Instruments>(
  instruments: T,
  collect: (report: Report<T>) => void,
  times: Times,
): ReadonlyMap<string, readonly DataPoint<number>[]> {
  const series = new Map<string, Map<string, DataPoint<number>>>();
  const leftOut = new Map<string, number>();
  const add = (name: string, value: number, attributes: Attributes = {}) => {
    const points = series.get(name) ?? new Map<string, DataPoint<number>>();
    series.set(name, points);
    const key = JSON.stringify(attributes);
    const before = points.get(key);
    // Of two with the same labels Prometheus would refuse all.
    if (before !== undefined) points.set(key, { ...before, value: before.value + value });
    else if (points.size < maxSeries) points.set(key, { ...times, attributes, value });
    else leftOut.set(name, (leftOut.get(name) ?? 0) + 1);
  };
  collect((name, value, ...[labels]) => {
    if (instruments[name]?.kind !== "histogram") add(name, Number(value), labels);
  });
  for (const [metric, count] of leftOut) add("gander_metrics_left_out", count, { metric });
  return new Map([...series].map(([name, points]) => [name, [...points.values()]]));
}

function metricData(
  name: string,
  { kind, help }: Instrument,
  dataPoints: readonly DataPoint<number>[],
): MetricData {
  const common = {
    descriptor: { name, description: help, unit: "", valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPoints: [...dataPoints],
  };
  return kind === "counter"
    ? { ...common, dataPointType: DataPointType.SUM, isMonotonic: true }
    : { ...common, dataPointType: DataPointType.GAUGE };
}

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];
