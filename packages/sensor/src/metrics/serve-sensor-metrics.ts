// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  createMetrics,
  createMetricsHandler,
  createProcessMetrics,
  serveMetrics,
} from "@gander/metrics";
import { createSensorCollector, type SensorMetricsDeps } from "./collect-sensor.ts";
import { sensorInstruments } from "./sensor-instruments.ts";

type SensorMetricsOptions = {
  /** Serves the metrics there; empty: nowhere. */
  readonly address: string;
  /** Sends the metrics there; empty: nowhere. */
  readonly otlpEndpoint: string;
  readonly nodeName: string;
  readonly version: string;
};

/** Publishes metrics until disposed. Throws a GanderError if an address is wrong or taken. */
export async function serveSensorMetrics(
  deps: SensorMetricsDeps & { readonly logger: Logger },
  { address, otlpEndpoint, nodeName, version }: SensorMetricsOptions,
): Promise<AsyncDisposable & { readonly port: number | undefined }> {
  const { logger } = deps;
  await using parts = new AsyncDisposableStack();
  const processes = parts.use(createProcessMetrics(version));
  const collect = createSensorCollector(deps);
  const metrics = await createMetrics(
    { logger },
    {
      instruments: sensorInstruments,
      resource: { "service.name": "gander", "service.version": version, "host.name": nodeName },
      collect: (report) => {
        processes.report(report);
        collect(report);
      },
      ...(otlpEndpoint === "" ? {} : { otlpEndpoint }),
    },
  );
  parts.use(metrics);
  const server =
    address === ""
      ? undefined
      : parts.use(await serveMetrics(createMetricsHandler({ logger }, metrics), address));
  const running = parts.move();
  return { port: server?.port, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
