// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import type { FaultName, LifecycleCounts } from "../kernel/index.ts";
import { fault } from "../link/abi.gen.ts";
import { noPolicyCounts } from "../policy/counts/counters.ts";
import { eventCounters } from "./event-counters.ts";

const none = { produced: 0n, lost: { ring: 0n, memory: 0n } };
const lifecycle: LifecycleCounts = {
  ...{ clone: none, task: none, cgroupMkdir: none, cgroupRmdir: none },
  exec: { produced: 10n, lost: { ring: 2n, memory: 1n } },
  exit: { produced: 9n, lost: { ring: 0n, memory: 4n } },
};
const noFaults = Object.fromEntries(
  Object.keys(fault)
    .filter((name) => name !== "FAULT_MAX")
    .map((name) => [name, 0n]),
) as Record<FaultName, bigint>;
const policy = (emitted: bigint, ring: bigint, memory: bigint) => ({
  counters: { ...noPolicyCounts, emitted, lostRing: ring, lostMemory: memory },
});

const sessions = {
  ...{ announced: 6, matched: 3, ambiguous: 2, unannounced: 1, expired: 4, dropped: 5 },
};

describe("event counters", () => {
  it("tell what was produced and lost, by cause", () => {
    expect(
      eventCounters({
        kernel: {
          lifecycleCounts: () => lifecycle,
          faults: () => ({ ...noFaults, FAULT_PROC_TABLE: 3n }),
        },
        policies: { list: () => [policy(5n, 1n, 0n), policy(7n, 0n, 3n)] },
        pipeline: {
          counters: () => ({
            ...{
              records: 20,
              unknownRecords: 1,
              failedRecords: 2,
              unhashedEvents: 0,
              lostInKernel: 7,
            },
            ...{ cgroups: 0, sessions },
          }),
        },
        json: {
          counters: () => ({ written: 11, writtenBytes: 999, dropped: 6, rateLimited: 8 }),
        },
      }),
    ).toEqual({
      exec: { produced: "10", lost_ring_full: "2", lost_memory: "1" },
      exit: { produced: "9", lost_ring_full: "0", lost_memory: "4" },
      policy: { produced: "16", lost_ring_full: "1", lost_memory: "3" },
      readers: [{ name: "file", written: "11", dropped: "6", rate_limited: "8" }],
      undecodable: "3",
      faults: [
        {
          ...{ name: "FAULT_PROC_TABLE", count: "3" },
          meaning: expect.stringContaining("no room in the table of processes"),
          advice: expect.stringContaining("pids.max"),
        },
      ],
      sessions: {
        ...{ announced: "6", matched: "3", ambiguous: "2", unannounced: "1" },
        ...{ expired: "4", dropped: "5" },
      },
    });
  });
});
