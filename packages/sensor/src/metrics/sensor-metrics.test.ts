// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createLogger } from "@gander/base";
import { describe, expect, it } from "vitest";
import type { OperatorStatus } from "../operator/operator-status.ts";
import { noPolicyCounts } from "../policy/counts/counters.ts";
import type { PolicyCounters, PolicyState } from "../policy/policy-state.ts";
import type { SensorMetricsDeps } from "./collect-sensor.ts";
import { sensorInstruments } from "./sensor-instruments.ts";
import { serveSensorMetrics } from "./serve-sensor-metrics.ts";

const counters: PolicyCounters = {
  ...noPolicyCounts,
  hits: 100n,
  filtered: 34n,
  matched: 60n,
  emitted: 50n,
  ...{ suppressedRateLimit: 3n, suppressedBudget: 2n, suppressedNoPost: 1n },
  ...{ lostRing: 3n, lostMemory: 1n, unevaluated: 6n, missed: 9n },
  killed: 7n,
  signalled: 1n,
  denied: 5n,
  wouldKill: 2n,
  wouldSignal: 0n,
  wouldDeny: 0n,
  enforceFailed: 1n,
  unknownName: 4n,
};

function policy(id: number, over: Partial<PolicyState> = {}): PolicyState {
  return {
    ...{ id, name: `policy-${id}`, namespace: "", origin: "static", revision: 1, digest: "d" },
    ...{
      state: "enabled",
      mode: "enforce",
      error: "",
      warnings: [],
      findings: [],
      kernelMemoryBytes: 4096,
    },
    hooks: [
      {
        ...{ path: "spec.kprobes[0]", section: "kprobes", index: 0, kind: "kprobe" },
        ...{ target: "fd_install", state: "loaded", error: "", attachments: [] },
        selectors: [{ index: 0, label: "", counters }],
      },
    ],
    exceptions: [{ name: "backup", namespace: "shop", hits: 6n }],
    counters,
    ...over,
  };
}

const none = { produced: 0n, lost: { ring: 0n, memory: 0n } };

function parts(list: readonly PolicyState[]): SensorMetricsDeps {
  return {
    kernel: {
      lifecycleCounts: () => ({
        exec: { produced: 10n, lost: { ring: 2n, memory: 0n } },
        exit: none,
      }),
      rings: {
        events: { availableBytes: 100, sizeBytes: 1000 },
        urgent: { availableBytes: 0, sizeBytes: 500 },
      },
      memory: () => ({ maps: { a: 1, b: 2 }, hookPrograms: 4 }),
      faults: () => ({}) as ReturnType<SensorMetricsDeps["kernel"]["faults"]>,
    },
    policies: { list: () => list },
    pipeline: {
      counters: () => ({
        ...{ records: 58, unknownRecords: 0, failedRecords: 1, unhashedEvents: 4, lostInKernel: 5 },
        cgroups: 17,
        sessions,
      }),
      processes: { counters: { size: 40, alive: 30, evicted: 3, missed: 2 } },
    },
    json: { counters: () => undefined },
    operator: { status: () => ({ connected: true, exceptions: 2 }) as OperatorStatus },
    requests: {
      counts: () => ({
        http: { done: 3, failed: 1, dropped: 2, off: 0 },
        dns: { done: 0, failed: 0, dropped: 0, off: 7 },
      }),
    },
    early: {
      counts: () => ({ mode: "hold", limitMs: 2_000, heldNow: 3, held: 40n, ranEarly: 5n }),
    },
  };
}

type Series = Readonly<Record<string, number>>;

async function scrape(port: number | undefined): Promise<Series> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  expect(new Set(lines.map((line) => line.replace(/ [^ ]*$/, ""))).size).toBe(lines.length);
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

const logger = createLogger({ level: "error" });
const options = {
  address: "127.0.0.1:0",
  otlpEndpoint: "",
  nodeName: "node-1",
  version: "0.1.0",
};

const sessions = {
  ...{ announced: 6, matched: 3, ambiguous: 2, unannounced: 1, expired: 4, dropped: 5 },
};

describe("metrics of a sensor", () => {
  it("add up, under the names of the table", async () => {
    const fuse = { fuse: "5 pods in 1m", blownAt: "2026-11-23T12:00:00.000Z", spared: 12n };
    const both = [policy(1, { fuse }), policy(2, { origin: "operator", uid: "u" })];
    await using server = await serveSensorMetrics({ ...parts(both), logger }, options);
    const series = await scrape(server.port);
    const labels = 'policy="policy-1",policy_namespace="",origin="static"';
    const outcomes = Object.entries(series)
      .filter(([name]) => name.startsWith(`gander_policy_outcomes_total{${labels}`))
      .map(([, value]) => value);
    expect(outcomes).toHaveLength(8);
    expect(outcomes.reduce((sum, value) => sum + value)).toBe(100);
    expect(series).toMatchObject({
      'gander_policy_requests_total{kind="http",outcome="dropped"}': 2,
      'gander_policy_requests_total{kind="dns",outcome="off"}': 7,
      [`gander_policy_hits_total{${labels}}`]: 100,
      [`gander_policy_actions_total{${labels},action="kill"}`]: 7,
      [`gander_policy_outcomes_total{${labels},outcome="unevaluated"}`]: 6,
      [`gander_policy_gaps_total{${labels},gap="missed"}`]: 9,
      [`gander_policy_exception_hits_total{${labels},exception="shop/backup"}`]: 6,
      [`gander_policy_gaps_total{${labels},gap="unknown_name"}`]: 4,
      [`gander_policy_fuse_blown{${labels}}`]: 1,
      [`gander_policy_fuse_spared_total{${labels}}`]: 12,
      [`gander_policy_state{${labels},state="enabled",mode="enforce"}`]: 1,
      'tetragon_policy_events_total{policy="policy-1",policy_namespace="",hook="kprobe:fd_install"}': 50,
      'tetragon_events_total{type="PROCESS_EXEC"}': 8,
      'tetragon_events_total{type="PROCESS_KPROBE"}': 100,
      'gander_events_lost_total{kind="policy",cause="ring_full"}': 6,
      tetragon_observer_ringbuf_events_lost_total: 8,
      'tetragon_tracingpolicy_loaded{state="enabled"}': 2,
      'gander_ring_waiting_bytes{ring="events"}': 100,
      'gander_kernel_memory_bytes{part="maps"}': 3,
      tetragon_process_cache_size: 40,
      tetragon_process_cache_evictions_total: 3,
      tetragon_process_cache_misses_total: 2,
      gander_events_unhashed_total: 4,
      gander_cgroups: 17,
      gander_operator_connected: 1,
      gander_operator_exceptions: 2,
      gander_held_processes: 3,
      gander_held_processes_total: 40,
      gander_early_processes_total: 5,
      'gander_build_info{version="0.1.0"}': 1,
    });
    const names = new Set(Object.keys(series).map((name) => name.replace(/\{.*/, "")));
    const untold = ["gander_metrics_left_out", "gander_kernel_faults_total"];
    expect([...names].sort()).toEqual(
      Object.keys(sensorInstruments)
        .filter((name) => !untold.includes(name))
        .sort(),
    );
  });

  it("do not fall in total when a policy goes, which is no longer shown itself", async () => {
    const list = [policy(1), policy(2)];
    const deps = { ...parts(list), logger };
    await using server = await serveSensorMetrics(deps, options);
    await scrape(server.port);
    list.pop();
    // Within a second the same answer is given again.
    await expect
      .poll(async () => Object.keys(await scrape(server.port)).join(), { timeout: 10_000 })
      .not.toContain("policy-2");
    expect(await scrape(server.port)).toMatchObject({
      'tetragon_events_total{type="PROCESS_KPROBE"}': 100,
    });
  });

  it("count policies of the same name once under names of Tetragon", async () => {
    const same = [policy(1), policy(2, { name: "policy-1", origin: "operator" })];
    await using server = await serveSensorMetrics({ ...parts(same), logger }, options);
    const labels = 'policy="policy-1",policy_namespace=""';
    expect(await scrape(server.port)).toMatchObject({
      [`tetragon_tracingpolicy_kernel_memory_bytes{${labels}}`]: 8192,
    });
  });
});

it("costs nothing where nobody wants it: a sensor does not load it", () => {
  const entry = join(import.meta.dirname, "../sensor.ts");
  const script = `
    import { registerHooks } from "node:module";
    const urls = [];
    registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
    await import(${JSON.stringify(entry)});
    console.log(urls.join("\\n"));`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  expect(stdout).toContain("/sensor/src/sensor.ts");
  expect(stdout).not.toMatch(/opentelemetry|serve-sensor-metrics/);
  expect(readFileSync(entry, "utf8")).toContain('import("./metrics/serve-sensor-metrics.ts")');
});
