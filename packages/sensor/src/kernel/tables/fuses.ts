// SPDX-License-Identifier: Apache-2.0
import type { Fuse } from "@gander/policy";
import { limits } from "../../link/abi.gen.ts";
import type { TableMemory } from "./sided-memory.ts";
import { fieldOf, type StructLayouts } from "./struct-layouts.ts";

export type FuseState = {
  readonly isBlown: boolean;
  /** Matches since then that would have been enforced. */
  readonly spared: bigint;
};

/** Times in the kernel are in ticks; a window is never shorter than asked for. */
const ticksOf = (ms: number) =>
  (BigInt(ms) * 1_000_000n + (1n << BigInt(limits.FUSE_TICK_SHIFT)) - 1n) >>
  BigInt(limits.FUSE_TICK_SHIFT);

export function createFuses({ buffer, stride }: TableMemory, layouts: StructLayouts) {
  const words = new BigUint64Array(buffer);
  const layout = layouts("fuse");
  const at = (index: number, field: string) => (index * stride + fieldOf(layout, field).offset) / 8;
  return {
    /** Forgets the pods that it has seen. Undefined: nothing blows it. */
    setFuse(index: number, fuse: Fuse | undefined, state: "armed" | "blown"): void {
      const pods = at(index, "pods");
      words[at(index, "limit")] = 0n;
      words.fill(0n, pods, pods + limits.FUSE_PODS);
      words[at(index, "spared")] = 0n;
      words[at(index, "window")] = ticksOf(fuse?.windowMs ?? 0);
      // Whenever that was: programs only ask whether.
      Atomics.store(words, at(index, "blown"), state === "blown" ? 1n : 0n);
      Atomics.store(words, at(index, "limit"), BigInt(fuse?.pods ?? 0));
    },
    fuse: (index: number): FuseState => ({
      isBlown: Atomics.load(words, at(index, "blown")) !== 0n,
      spared: words[at(index, "spared")] ?? 0n,
    }),
  };
}
