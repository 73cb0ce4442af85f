// SPDX-License-Identifier: Apache-2.0

import type { Kernel, RecordCount } from "../kernel/index.ts";
import type { PolicyState } from "../policy/index.ts";
import type { EventKernel } from "./event-pipeline.ts";

/** The kernel in the form that the event pipeline needs: `policies` gives the losses of policies. */
export function eventKernel(
  kernel: Kernel,
  policies: { list(): readonly Pick<PolicyState, "id" | "counters">[] },
): EventKernel {
  const lostOfPolicies = createLossSum(() => policies.list());
  return {
    layouts: kernel.layouts,
    get rings() {
      return kernel.rings;
    },
    found: kernel.found,
    bootTimeOffsetNs: () => kernel.bootTimeOffsetNs(),
    scanTasks: () => kernel.scanTasks(),
    setWatched: (watched) => kernel.setWatched(watched),
    setAsleep: (asleep) => kernel.setAsleep(asleep),
    onReadable: (listener) => kernel.onReadable(listener),
    lostEvents: () => {
      const { exec, exit } = kernel.lifecycleCounts();
      return lostOf(exec) + lostOf(exit) + lostOfPolicies();
    },
  };
}

const lostOf = ({ lost }: RecordCount) => lost.ring + lost.memory;

/** The events that all policies lack so far, including removed policies: lost, or over their budget. */
function createLossSum(list: () => readonly Pick<PolicyState, "id" | "counters">[]): () => bigint {
  let known = new Map<number, bigint>();
  let total = 0n;
  return () => {
    const now = new Map(
      list().map(({ id, counters }) => [
        id,
        counters.lostRing + counters.lostMemory + counters.suppressedBudget,
      ]),
    );
    for (const [id, lost] of now) {
      const before = known.get(id) ?? 0n;
      // A replaced policy may have started its counts again.
      total += lost >= before ? lost - before : lost;
    }
    known = now;
    return total;
  };
}
