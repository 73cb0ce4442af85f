// SPDX-License-Identifier: Apache-2.0
import { GanderError, type Logger } from "@gander/base";
import { DiagLogLevel, diag } from "@opentelemetry/api";
import {
  type IMetricReader,
  type MetricProducer,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";

const defaultIntervalMs = 60_000;

type OtlpOptions = {
  readonly endpoint: string;
  /** A minute if absent. */
  readonly intervalMs: number | undefined;
  readonly metricProducers: MetricProducer[];
};

/** Sends all metrics to a collector from time to time. Throws GanderError if the address is none. */
export async function createOtlpReader(
  { logger }: { readonly logger: Logger },
  { endpoint, intervalMs = defaultIntervalMs, metricProducers }: OtlpOptions,
): Promise<IMetricReader> {
  const url = metricsUrl(endpoint);
  // What the exporter has to say of a collector that is away goes nowhere else.
  diag.setLogger(diagLogger(logger), {
    logLevel: DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
  const timeoutMillis = Math.min(10_000, intervalMs);
  const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-proto");
  return new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url, timeoutMillis }),
    metricProducers,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: timeoutMillis,
  });
}

/** OTLP says that the path is added to the endpoint. Source: OTLP 1.x, "OTLP/HTTP Request". */
function metricsUrl(endpoint: string): string {
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new GanderError(
      "configuration-bad-value",
      `--otlp-endpoint: "${endpoint.slice(0, 200)}" is not an address such as http://localhost:4318`,
    );
  return `${endpoint.replace(/\/+$/, "")}/v1/metrics`;
}

function diagLogger(logger: Logger) {
  const warn = (message: string, ...more: readonly unknown[]) =>
    logger.warn("Metrics cannot be sent", { reason: [message, ...more].map(String).join(" ") });
  const ignore = () => {};
  return { error: warn, warn, info: ignore, debug: ignore, verbose: ignore };
}
