// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { RequestOutcome } from "@gander/kube";
import {
  createMetrics,
  createMetricsHandler,
  createProcessMetrics,
  type MetricsHandler,
  type Report,
} from "@gander/metrics";
import { operatorInstruments } from "./operator-instruments.ts";

export type OperatorReport = Report<typeof operatorInstruments>;
export type OperatorCollector = (report: OperatorReport) => void;

export type OperatorMetrics = AsyncDisposable & {
  /** Answers `GET /metrics`. */
  readonly handler: MetricsHandler;
  /** Collected at each scrape from now on. */
  add(collector: OperatorCollector): void;
  /** A request to the API server ended. */
  requested(outcome: RequestOutcome): void;
  /** A version was sent to a sensor. */
  sent(): void;
  /** A sensor answered the version after `ms`. */
  answered(ms: number): void;
};

type OperatorMetricsOptions = {
  readonly version: string;
  readonly identity: string;
  /** Empty: metrics are only served. */
  readonly otlpEndpoint: string;
};

/** Counters, and collectors read on demand. Throws GanderError if the endpoint is no address. */
export async function createOperatorMetrics(
  { logger }: { readonly logger: Logger },
  { version, identity, otlpEndpoint }: OperatorMetricsOptions,
): Promise<OperatorMetrics> {
  const processes = createProcessMetrics(version);
  const collectors: OperatorCollector[] = [];
  const requests = new Map<
    string,
    { readonly method: string; readonly code: string; count: number }
  >();
  let versions = 0;
  const metrics = await createMetrics(
    { logger },
    {
      instruments: operatorInstruments,
      resource: {
        "service.name": "gander-operator",
        "service.version": version,
        "service.instance.id": identity,
      },
      collect(report) {
        processes.report(report);
        report("gander_operator_versions_sent_total", versions);
        for (const { method, code, count } of requests.values())
          report("gander_kube_requests_total", count, { method, code });
        for (const collect of collectors) collect(report);
      },
      ...(otlpEndpoint === "" ? {} : { otlpEndpoint }),
    },
  );
  return {
    handler: createMetricsHandler({ logger }, metrics),
    add: (collector) => void collectors.push(collector),
    requested({ method, status, durationMs }) {
      const code = String(status);
      const key = `${method} ${code}`;
      const before = requests.get(key) ?? { method, code, count: 0 };
      requests.set(key, { ...before, count: before.count + 1 });
      if (status !== 0)
        metrics.observe("gander_kube_request_seconds", durationMs / 1000, { method });
    },
    sent: () => void versions++,
    answered: (ms) => metrics.observe("gander_operator_answer_seconds", ms / 1000),
    async [Symbol.asyncDispose]() {
      processes[Symbol.dispose]();
      await metrics[Symbol.asyncDispose]();
    },
  };
}
