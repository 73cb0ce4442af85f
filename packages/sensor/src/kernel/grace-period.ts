// SPDX-License-Identifier: Apache-2.0
import { BpfMap } from "@gander/libbpf";

export interface GracePeriod {
  /** Resolves when every program that ran at the call has ended. Some ms; a thread waits in the kernel. */
  wait(): Promise<void>;
  close(): void;
}

const key = new Uint8Array(4);

/**
 * The kernel itself waits for all programs when a map of maps is updated from user space
 * (maybe_wait_bpf_programs in kernel/bpf/syscall.c: synchronize_rcu). That covers programs that cannot sleep,
 * as all hooks are.
 */
export function createGracePeriod(): GracePeriod {
  const inner = BpfMap.create({
    type: "array",
    name: "grace_inner",
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
  });
  const outer = BpfMap.create({
    type: "array_of_maps",
    name: "grace",
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
    inner,
  });
  return {
    async wait() {
      // First let callers that changed something in this turn finish.
      await new Promise((resolve) => setImmediate(resolve));
      outer.setHandle(key, inner);
    },
    close() {
      outer.close();
      inner.close();
    },
  };
}
