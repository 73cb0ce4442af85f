// SPDX-License-Identifier: Apache-2.0
export type { Metrics, MetricsOptions } from "./create-metrics.ts";
export { createMetrics } from "./create-metrics.ts";
export { GrowingTotal } from "./growing-total.ts";
export type { Instrument, Instruments, LabelsOf, Report } from "./instrument.ts";
export type { MetricsHandler } from "./metrics-handler.ts";
export { createMetricsHandler } from "./metrics-handler.ts";
export { metricsTable } from "./metrics-page.ts";
export type { MetricsServer } from "./metrics-server.ts";
export { serveMetrics } from "./metrics-server.ts";
export { createProcessMetrics, processInstruments } from "./process-metrics.ts";
export { leftOutInstruments, maxSeries } from "./state-producer.ts";
