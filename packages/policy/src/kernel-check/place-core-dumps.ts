// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook } from "../compiled-policy.ts";
import type { AttachFacts } from "./attach-facts.ts";
import { stops } from "./hook-traits.ts";
import { type HookPlan, type Placement, point } from "./placement.ts";

/**
 * The kernel writes a core dump without a call of security_file_permission. But it first empties the file
 * (do_coredump), which calls security_inode_setattr: there the same rules decide.
 */
export function placeCoreDumps(hook: CompiledHook, facts: AttachFacts, main: HookPlan): HookPlan {
  if (main.refusals !== undefined || !decidesOnWrites(hook)) return main;
  const twins = main.placements.map((placement) => twin(placement, facts));
  const placements = twins.filter((one) => one !== undefined);
  if (placements.length === twins.length)
    return { ...main, placements: [...main.placements, ...placements] };
  const what = stops(hook) ? "neither seen nor prevented" : "not seen";
  const weakness = `what the kernel writes when a process dumps core is ${what}: nothing can be attached to security_inode_setattr`;
  return { ...main, weaknesses: [...main.weaknesses, weakness] };
}

function decidesOnWrites({ kind, target, syscall }: CompiledHook): boolean {
  if (kind === "lsm") return target === "file_permission";
  return kind === "kprobe" && !syscall && target === "security_file_permission";
}

/** Functions whose prototypes it reads. */
export const coreDumpFunctions: readonly string[] = [
  "security_inode_setattr",
  "bpf_lsm_inode_setattr",
];

function twin({ point: main, role }: Placement, facts: AttachFacts): Placement | undefined {
  const { kind } = main;
  if (kind === "kprobe" || kind === "kretprobe") return undefined;
  const target = kind === "lsm" ? "inode_setattr" : "security_inode_setattr";
  const prototype = facts.prototype(kind === "lsm" ? `bpf_lsm_${target}` : target);
  if (kind !== "lsm" && !facts.isTraceable(target)) return undefined;
  const attributes = prototype?.parameters.findIndex(({ type }) => type === "struct iattr *") ?? -1;
  if (attributes < 0) return undefined;
  return {
    point: point(kind, target),
    role,
    position: (index) => (index === 0 ? attributes : undefined),
    inCoreDump: true,
  };
}
