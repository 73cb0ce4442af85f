// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook } from "../compiled-policy.ts";
import { type AttachFacts, hasBpfLsm } from "./attach-facts.ts";
import { looksAtSource } from "./hook-traits.ts";
import { type HookPlan, type Placement, point, refuse } from "./placement.ts";

/**
 * A kill at tcp_connect is too late for the connection, so the same selectors decide earlier, where an
 * address is named: in connect() and in a sendmsg() that connects (fast open).
 */
export function placeConnection(hook: CompiledHook, facts: AttachFacts, main: HookPlan): HookPlan {
  if (main.refusals !== undefined) return main;
  if (hook.args.some(({ source, resolve }) => source === undefined && resolve !== undefined))
    return refuse({
      code: "kernel-unsupported",
      message:
        "a connection is prevented before tcp_connect is called, where the members of its socket have no values yet",
      hint: "Hook security_socket_connect, or leave `resolve` out of this hook",
    });
  const companions = (["connect", "sendmsg"] as const).map((call) => companion(call, facts));
  const missing = companions.flatMap((one) => (typeof one === "string" ? [one] : []));
  if (missing.length > 0) {
    const message = `a connection cannot be prevented on this kernel: ${missing.join("; ")}`;
    return refuse({
      code: "kernel-unsupported",
      message,
      hint: "Boot with `bpf` in the list `lsm=`, or set the policy's mode to monitor",
    });
  }
  const early = hook.selectors.some((selector) => selector.filters.some(looksAtSource));
  return {
    placements: [...main.placements, ...companions.filter((one) => typeof one !== "string")],
    weaknesses: early
      ? [
          "filters on the source or the state of a socket are decided before the kernel has chosen a source, when both are still empty and another thread can change them",
        ]
      : [],
  };
}

function companion(call: "connect" | "sendmsg", facts: AttachFacts): Placement | string {
  const target = `socket_${call}`;
  const kind =
    hasBpfLsm(facts) && facts.prototype(`bpf_lsm_${target}`) !== undefined ? "lsm" : "fmod_ret";
  if (kind === "fmod_ret" && !facts.isTraceable(`security_${target}`))
    return `there is neither an LSM hook ${target} nor a function security_${target}`;
  return {
    point: point(kind, kind === "lsm" ? target : `security_${target}`),
    role: "companion",
    position: (index) => index,
  };
}
