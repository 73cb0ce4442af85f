// SPDX-License-Identifier: Apache-2.0
import type { EventCounters, RecordCounters } from "@gander/proto";
import type { Kernel, RecordCount } from "../kernel/index.ts";
import type { PolicyState } from "../policy/index.ts";
import type { EventPipeline } from "./event-pipeline.ts";
import { faultCounters } from "./fault-report.ts";
import type { JsonExport } from "./json-export.ts";

type EventCounterDeps = {
  readonly kernel: Pick<Kernel, "lifecycleCounts" | "faults">;
  readonly policies: { list(): readonly Pick<PolicyState, "counters">[] };
  readonly pipeline: Pick<EventPipeline, "counters">;
  readonly json: Pick<JsonExport, "counters">;
};

/** The outcomes of all records and events, in the form of the interface: exact, by cause. */
export function eventCounters({
  kernel,
  policies,
  pipeline,
  json,
}: EventCounterDeps): EventCounters {
  const { exec, exit } = kernel.lifecycleCounts();
  const { failedRecords, unknownRecords, sessions } = pipeline.counters();
  const file = json.counters();
  return {
    exec: recordCounters(exec),
    exit: recordCounters(exit),
    policy: recordCounters(ofPolicies(policies.list())),
    readers:
      file === undefined
        ? []
        : [
            {
              name: "file",
              written: String(file.written),
              dropped: String(file.dropped),
              rate_limited: String(file.rateLimited),
            },
          ],
    undecodable: String(failedRecords + unknownRecords),
    faults: faultCounters(kernel.faults()),
    sessions: Object.fromEntries(
      Object.entries(sessions).map(([name, count]) => [name, String(count)]),
    ),
  };
}

function ofPolicies(policies: readonly Pick<PolicyState, "counters">[]): RecordCount {
  let produced = 0n;
  let ring = 0n;
  let memory = 0n;
  for (const { counters } of policies) {
    const { emitted, lostRing, lostMemory } = counters;
    produced += emitted + lostRing + lostMemory;
    ring += lostRing;
    memory += lostMemory;
  }
  return { produced, lost: { ring, memory } };
}

function recordCounters({ produced, lost }: RecordCount): RecordCounters {
  return {
    produced: String(produced),
    lost_ring_full: String(lost.ring),
    lost_memory: String(lost.memory),
  };
}
