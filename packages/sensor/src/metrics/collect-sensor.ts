// SPDX-License-Identifier: Apache-2.0
import { GrowingTotal, type Report } from "@gander/metrics";
import { exceptionText, type HookKind, hookKindNames } from "@gander/policy";
import type { Kernel } from "../kernel/index.ts";
import type { OperatorLink } from "../operator/operator-link.ts";
import type { EventPipeline } from "../pipeline/event-pipeline.ts";
import type { JsonExport } from "../pipeline/json-export.ts";
import { countsAs } from "../policy/counts/counters.ts";
import type { EarlyCounts } from "../policy/node/early-pods.ts";
import type { PolicyState } from "../policy/policy-state.ts";
import type { PolicyRequests } from "../requests/policy-requests.ts";
import type { sensorInstruments } from "./sensor-instruments.ts";

export type SensorMetricsDeps = {
  readonly kernel: Pick<Kernel, "faults" | "memory"> & {
    readonly rings: Readonly<Record<"events" | "urgent", Ring>>;
    lifecycleCounts(): Pick<ReturnType<Kernel["lifecycleCounts"]>, "exec" | "exit">;
  };
  readonly policies: { list(): readonly PolicyState[] };
  readonly pipeline: Pick<EventPipeline, "counters"> & {
    readonly processes: Pick<EventPipeline["processes"], "counters">;
  };
  readonly json: Pick<JsonExport, "counters">;
  /** Undefined: there is no operator. */
  readonly operator: Pick<OperatorLink, "status"> | undefined;
  readonly requests: Pick<PolicyRequests, "counts">;
  /** Undefined: processes of new pods just run. */
  readonly early?: { counts(): EarlyCounts } | undefined;
};

type Ring = { readonly availableBytes: number; readonly sizeBytes: number };

type SensorReport = Report<typeof sensorInstruments>;

/** The sensor's counts as metrics, read at each call. */
export function createSensorCollector(deps: SensorMetricsDeps): (report: SensorReport) => void {
  const totals = createPolicyTotals();
  return (report) => {
    const policies = deps.policies.list();
    for (const policy of policies) reportPolicy(policy, report);
    reportStates(policies, report);
    const { exec, exit } = deps.kernel.lifecycleCounts();
    const kinds = { exec, exit, policy: totals.lost(policies) };
    for (const [kind, { lost }] of Object.entries(kinds)) {
      report("gander_events_lost_total", lost.ring, { kind, cause: "ring_full" });
      report("gander_events_lost_total", lost.memory, { kind, cause: "memory" });
    }
    const ring = Object.values(kinds).reduce((sum, { lost }) => sum + Number(lost.ring), 0);
    report("tetragon_observer_ringbuf_events_lost_total", ring);
    const left = ({ produced, lost }: typeof exec) => produced - lost.ring - lost.memory;
    report("tetragon_events_total", left(exec), { type: "PROCESS_EXEC" });
    report("tetragon_events_total", left(exit), { type: "PROCESS_EXIT" });
    for (const kind of hookKindNames)
      report("tetragon_events_total", totals.emitted(policies, kind), {
        type: `PROCESS_${kind.toUpperCase()}`,
      });
    reportOutput(deps, report);
    reportKernel(deps.kernel, report);
    reportOperator(deps.operator, report);
    reportEarly(deps.early, report);
    for (const [kind, counts] of Object.entries(deps.requests.counts()))
      for (const [outcome, count] of Object.entries(counts))
        report("gander_policy_requests_total", count, { kind, outcome });
    for (const [fault, count] of Object.entries(deps.kernel.faults()))
      report("gander_kernel_faults_total", count, { fault });
  };
}

/** Totals over policies, which are added and removed. */
function createPolicyTotals() {
  const ring = new GrowingTotal<number>();
  const memory = new GrowingTotal<number>();
  const emitted = new Map(hookKindNames.map((kind) => [kind, new GrowingTotal<number>()]));
  const of = (policies: readonly PolicyState[], count: (policy: PolicyState) => bigint) =>
    policies.map((policy) => [policy.id, Number(count(policy))] as const);
  return {
    lost: (policies: readonly PolicyState[]) => ({
      lost: {
        ring: ring.update(of(policies, ({ counters }) => counters.lostRing)),
        memory: memory.update(of(policies, ({ counters }) => counters.lostMemory)),
      },
    }),
    emitted: (policies: readonly PolicyState[], kind: HookKind) =>
      emitted.get(kind)?.update(of(policies, (policy) => emittedBy(policy, kind))) ?? 0,
  };
}

function emittedBy({ hooks }: PolicyState, kind: HookKind): bigint {
  return hooks
    .filter((hook) => hook.kind === kind)
    .flatMap(({ selectors }) => selectors)
    .reduce((sum, { counters }) => sum + counters.emitted, 0n);
}

const stateNames: Readonly<Record<PolicyState["state"], string>> = {
  enabled: "enabled",
  "partially-enabled": "partially_enabled",
  disabled: "disabled",
  "load-error": "load_error",
};

function reportStates(policies: readonly PolicyState[], report: SensorReport): void {
  for (const [state, name] of Object.entries(stateNames)) {
    const count = policies.filter((policy) => policy.state === state).length;
    report("tetragon_tracingpolicy_loaded", count, { state: name });
  }
}

function reportPolicy(state: PolicyState, report: SensorReport): void {
  const { name: policy, namespace: policy_namespace, origin, mode, counters, hooks } = state;
  const theirs = { policy, policy_namespace };
  const ours = { ...theirs, origin };
  report("gander_policy_state", 1, { ...ours, state: stateNames[state.state], mode });
  if (state.fuse !== undefined) {
    report("gander_policy_fuse_blown", state.fuse.blownAt === "" ? 0 : 1, ours);
    report("gander_policy_fuse_spared_total", state.fuse.spared, ours);
  }
  report("tetragon_tracingpolicy_kernel_memory_bytes", state.kernelMemoryBytes, theirs);
  report("gander_policy_hits_total", counters.hits, ours);
  for (const one of state.exceptions ?? [])
    report("gander_policy_exception_hits_total", one.hits, {
      ...ours,
      exception: exceptionText(one),
    });
  const by = (label: "outcome" | "action" | "gap") =>
    countsAs(counters, ({ metric }) => metric?.[label]);
  for (const [outcome, count] of by("outcome"))
    report("gander_policy_outcomes_total", count, { ...ours, outcome });
  for (const [action, count] of by("action"))
    report("gander_policy_actions_total", count, { ...ours, action });
  for (const [gap, count] of by("gap")) report("gander_policy_gaps_total", count, { ...ours, gap });
  for (const { kind, target, selectors } of hooks) {
    const emitted = selectors.reduce((sum, one) => sum + one.counters.emitted, 0n);
    report("tetragon_policy_events_total", emitted, { ...theirs, hook: `${kind}:${target}` });
  }
}

function reportOutput({ pipeline, json }: SensorMetricsDeps, report: SensorReport): void {
  const { records, failedRecords, unknownRecords, unhashedEvents, cgroups, sessions } =
    pipeline.counters();
  report("tetragon_observer_ringbuf_events_received_total", records);
  report("gander_events_unhashed_total", unhashedEvents);
  report("gander_records_undecodable_total", failedRecords + unknownRecords);
  const { size, evicted, missed } = pipeline.processes.counters;
  report("tetragon_process_cache_size", size);
  report("tetragon_process_cache_evictions_total", evicted);
  report("tetragon_process_cache_misses_total", missed);
  report("gander_cgroups", cgroups);
  for (const [what, count] of Object.entries(sessions))
    report("gander_sessions_total", count, { what });
  const { written, dropped, rateLimited } = json.counters() ?? noExport;
  report("tetragon_events_exported_total", written);
  report("tetragon_export_ratelimit_events_dropped_total", rateLimited);
  const outcomes = { written, dropped, rate_limited: rateLimited };
  for (const [outcome, count] of Object.entries(outcomes))
    report("gander_reader_events_total", count, { reader: "file", outcome });
}

function reportKernel(kernel: SensorMetricsDeps["kernel"], report: SensorReport): void {
  const { rings } = kernel;
  for (const ring of ["events", "urgent"] as const) {
    report("gander_ring_waiting_bytes", rings[ring].availableBytes, { ring });
    report("gander_ring_size_bytes", rings[ring].sizeBytes, { ring });
  }
  const { maps, hookPrograms } = kernel.memory();
  const inMaps = Object.values(maps).reduce((sum, bytes) => sum + bytes, 0);
  report("gander_kernel_memory_bytes", inMaps, { part: "maps" });
  report("gander_kernel_memory_bytes", hookPrograms, { part: "hook_programs" });
}

function reportOperator(operator: SensorMetricsDeps["operator"], report: SensorReport): void {
  if (operator === undefined) return;
  const { connected, exceptions } = operator.status();
  report("gander_operator_connected", connected ? 1 : 0);
  report("gander_operator_exceptions", exceptions);
}

function reportEarly(early: SensorMetricsDeps["early"], report: SensorReport): void {
  if (early === undefined) return;
  const { mode, heldNow, held, ranEarly } = early.counts();
  report("gander_early_processes_total", ranEarly);
  if (mode !== "hold") return;
  report("gander_held_processes", heldNow);
  report("gander_held_processes_total", held);
}

const noExport = { written: 0, dropped: 0, rateLimited: 0 };
