// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@gander/base";
import type { FaultCounter } from "@gander/proto";
import type { FaultName } from "../kernel/index.ts";

type FaultText = {
  /** A description, shown after the number. */
  readonly meaning: string;
  /** What to do about it. */
  readonly advice: string;
};

const faultTexts: Readonly<Record<FaultName, FaultText>> = {
  FAULT_SCRATCH: {
    meaning:
      "calls could not be evaluated for lack of memory; where a policy can deny, they were denied",
    advice:
      "gander policy list shows which policies. Look for many processes that hang in such calls",
  },
  FAULT_STAGE: {
    meaning: "records of processes could not be put together for lack of memory",
    advice: "Events of execs or exits are missing; they are counted as lost",
  },
  FAULT_PROC_TABLE: {
    meaning: "processes had no room in the table of processes: their lineage is not known",
    advice:
      "Find out what keeps that many processes, and limit it: pids.max of the cgroup, or the pod's limit of pids",
  },
  FAULT_PROC_UNKNOWN: {
    meaning: "processes ended that were not in the table of processes: they have no exit events",
    advice: "The table was full when they began, see above; otherwise please report it",
  },
  FAULT_UNREADABLE: {
    meaning: "values that policies ask for could not be read",
    advice:
      "System calls and functions of programs are given memory that may be missing or not loaded, and a new program more arguments than are read. To enforce, use LSM hooks or security_* functions, and matchExecArgs together with a filter on the program",
  },
  FAULT_PATH_DEPTH: {
    meaning: "paths had more components than are followed",
    advice: "A process may be trying to hide a file: the events of policies on paths show which",
  },
  FAULT_RATE_TABLE: {
    meaning: "events could not be checked against a rateLimit: they were reported all the same",
    advice: "The table of rates is full; a rateLimit per process, or none, takes less of it",
  },
  FAULT_CGROUP_TABLE: {
    meaning:
      "new cgroups had no room in the table: they have the policies of the cgroups around them, and each of their hooked calls costs more",
    advice: "Find out which pod makes that many cgroups",
  },
  FAULT_OWNERS: {
    meaning:
      "sockets had no room in the table that TrackSock fills: their events name the current process",
    advice: "A policy with TrackSock needs an UntrackSock where the socket ends, such as __sk_free",
  },
  FAULT_MARKS: {
    meaning:
      "calls had more marks for enforcers than fit: their processes were killed, and all enforcers stopped them",
    advice: "At most 4 policies can notify their enforcers of the same call; join some of them",
  },
  FAULT_TALLIES: {
    meaning: "calls had no room to be counted: matchCount took the safe side",
    advice:
      "A pod, a service or a session may hold a quarter of the counts that are free, at most 3,276 (one for each of its processes and selectors): make the other filters of the selector narrower, or count per container",
  },
  FAULT_DATA: {
    meaning:
      "buffers of which events carry more with maxData had no room in the ring: the events have the beginning, and the size",
    advice:
      "Such data may fill half of the ring. Make the filters of policies with maxData narrower, or limit their events",
  },
  FAULT_HASH: {
    meaning:
      "files were not hashed or their hashes not posted, for lack of memory or room in the ring, or processes of the host could not be sent a signal after it",
    advice: "Make the filters of policies with imaHash narrower, or limit their events",
  },
  FAULT_FEATURE: {
    meaning:
      "filters and actions needed what the program of their hook was loaded without: filters took the safe side",
    advice: "Please report it",
  },
  FAULT_HOLD: {
    meaning: "processes could not be held until the policies of their pod have arrived",
    advice: "Look for many cgroups below those of pods that no pod of the cluster has",
  },
  FAULT_PAST_TABLE: {
    meaning:
      "processes had no room in the table of parents or of privileges at exec: filters on them took the safe side",
    advice:
      "Find out what keeps that many processes, and limit it: pids.max of the cgroup, or the pod's limit of pids",
  },
};

/** Faults for users and metrics, without those that never happened. */
export function faultCounters(faults: Readonly<Record<FaultName, bigint>>): FaultCounter[] {
  const names = Object.keys(faults) as FaultName[];
  return names
    .filter((name) => faults[name] > 0n)
    .map((name) => ({ name, count: String(faults[name]), ...faultTexts[name] }));
}

export type Faults = Readonly<Record<string, bigint>>;

/** Faults counted since `before`, by name; undefined if there are none. */
export function newFaults(before: Faults, now: Faults): Record<string, string> | undefined {
  const grown = Object.entries(now).filter(([name, count]) => count > (before[name] ?? 0n));
  if (grown.length === 0) return undefined;
  return Object.fromEntries(
    grown.map(([name, count]) => [name, (count - (before[name] ?? 0n)).toString()]),
  );
}

/**
 * Logs what the programs in the kernel count because it should never happen (a full table, a failed memory
 * allocation), at most once a period, until the signal is aborted.
 */
export async function reportFaults(
  read: () => Faults,
  logger: Logger,
  { periodMs, signal }: { readonly periodMs: number; readonly signal: AbortSignal },
): Promise<void> {
  let before = read();
  while (!signal.aborted) {
    await sleep(periodMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    const now = read();
    const grown = newFaults(before, now);
    if (grown !== undefined)
      logger.warn("Programs in the kernel counted faults", { faults: grown });
    before = now;
  }
}
