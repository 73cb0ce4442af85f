// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook } from "../compiled-policy.ts";
import { algorithmsOf, programPlaceOf } from "../language/program-place.ts";
import type { AttachFacts } from "./attach-facts.ts";
import type { HookPoint } from "./attach-kinds.ts";
import { enforces, onlyOnReturn, stops, wantsReturn } from "./hook-traits.ts";
import { lowerOverrides, whyNoOverride } from "./place-override.ts";
import { placeProbe } from "./place-probe.ts";
import { type HookPlan, type Placement, planAt, refuse } from "./placement.ts";
import { copies, missing } from "./program-refusals.ts";
import type { Refusal } from "./refusals.ts";

/** A function or a static probe of a program: places in its file, which the node's own file decides. */
export function placeUprobe(hook: CompiledHook, facts: AttachFacts): HookPlan {
  const unable = whyNoOverride(hook, facts);
  if (unable !== undefined) return refuse(unable);
  const wanted = programPlaceOf(hook);
  // Each node has files of its own: what another machine lacks is not known here.
  if (wanted === undefined || facts.program === undefined) return planAt(hook, []);
  const { path } = wanted;
  const file = facts.program(path);
  if (file.problem !== undefined) return refuse(missing(file));
  const { digests } = wanted;
  if (digests.length > 0 && !digests.some((digest) => file.digests.has(digest)))
    return refuse(otherContent(path, algorithmsOf(digests), file.digests));
  if (wanted.by === "probe") return placeProbe(hook, wanted, file);
  const place = file.place(wanted);
  if (place.problem !== undefined) return refuse(missing(place));
  if (file.isGo && wantsReturn(hook)) return refuse(goReturn(path));
  const lowered = lowerOverrides(hook, file);
  if (lowered.refusals !== undefined) return lowered;
  const counter = hook.program?.counters?.[0];
  const at = (kind: HookPoint["kind"], role: Placement["role"]): Placement => ({
    point: {
      kind,
      target: hook.target,
      syscall: false,
      file: { path, version: file.version, offset: place.offset, ...(counter ? { counter } : {}) },
    },
    role,
    position: (index) => index,
  });
  const weaknesses = [
    ...(stops(hook) ? [copies(path, file)] : []),
    ...lowered.weaknesses,
    ...(file.isGo && hook.args.some(({ source }) => source === undefined)
      ? [goArguments(path)]
      : []),
  ];
  if (!wantsReturn(hook)) {
    const plan = planAt(hook, [at("uprobe", "signal")], weaknesses);
    return plan.refusals === undefined ? { ...plan, lowered: lowered.hook } : plan;
  }
  // A function that runs for long is interrupted when it begins; the event waits for the return value.
  const early = enforces(hook) && !onlyOnReturn(hook) ? [at("uprobe", "signal-silently")] : [];
  return planAt(hook, [...early, at("uretprobe", "signal")], weaknesses);
}

function otherContent(
  path: string,
  algorithms: readonly string[],
  found: ReadonlySet<string>,
): Refusal {
  const own = [...found].filter((digest) => algorithms.includes(digest.split(":", 1)[0] ?? ""));
  return {
    code: "program-digest",
    message: `${path} has none of the policy's digests: ${own.length === 0 ? "it has no build-id" : `it has ${own.join(", ")}`}`,
    hint: "Add its digest if the function is the same in this version, or set `ignore.digestVerificationFailure: true` if the policy may run without this hook",
  };
}

const goReturn = (path: string) =>
  ({
    code: "kernel-unsupported",
    message: `the return of a function of ${path} cannot be hooked: it is a Go program, which moves its stacks and would crash`,
    hint: "Leave out `return`, and hook where the result is used",
  }) as const;

const goArguments = (path: string) =>
  `${path} is a Go program, whose functions take arguments in other registers: the values are not those of the function; read the registers below \`data\` instead`;
