// SPDX-License-Identifier: Apache-2.0
export type { Metrics } from "./create-metrics.ts";
export { createMetrics } from "./create-metrics.ts";
export { GrowingTotal } from "./growing-total.ts";
export type { Instruments, Report } from "./instrument.ts";
export type { MetricsHandler } from "./metrics-handler.ts";
export { createMetricsHandler } from "./metrics-handler.ts";
export { metricsTable } from "./metrics-page.ts";
export { serveMetrics } from "./metrics-server.ts";
export { createProcessMetrics, processInstruments } from "./process-metrics.ts";
export { leftOutInstruments } from "./state-producer.ts";
