// SPDX-License-Identifier: Apache-2.0
import { monitorEventLoopDelay } from "node:perf_hooks";
import process from "node:process";
import type { Report } from "./instrument.ts";

/** Of the process itself, under the names that Prometheus' client libraries give them. */
export const processInstruments = {
  process_cpu_seconds_total: { kind: "counter", help: "Processor time that the process used." },
  process_resident_memory_bytes: { kind: "gauge", help: "Memory that the process holds." },
  nodejs_heap_size_used_bytes: {
    kind: "gauge",
    help: "Memory of JavaScript objects, those included that are no longer needed and not yet collected.",
  },
  nodejs_external_memory_bytes: { kind: "gauge", help: "Memory of buffers outside of it." },
  process_start_time_seconds: { kind: "gauge", help: "When it started, in seconds since 1970." },
  gander_event_loop_delay_seconds: {
    kind: "gauge",
    help: "Longest time that the process took for one turn since the last look.",
  },
  gander_build_info: {
    kind: "gauge",
    help: "1.",
    labels: { version: "of the program" },
  },
} as const;

/** Reports these. Measuring the loop's delay costs a timer, so it is started here and not before. */
export function createProcessMetrics(version: string): Disposable & {
  report(report: Report<typeof processInstruments>): void;
} {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const startSeconds = performance.timeOrigin / 1000;
  return {
    report(report) {
      const { user, system } = process.cpuUsage();
      report("process_cpu_seconds_total", (user + system) / 1e6);
      const { rss, heapUsed, external } = process.memoryUsage();
      report("process_resident_memory_bytes", rss);
      report("nodejs_heap_size_used_bytes", heapUsed);
      report("nodejs_external_memory_bytes", external);
      report("process_start_time_seconds", startSeconds);
      report("gander_event_loop_delay_seconds", delay.count === 0 ? 0 : delay.max / 1e9);
      report("gander_build_info", 1, { version });
      delay.reset();
    },
    [Symbol.dispose]: () => void delay.disable(),
  };
}
