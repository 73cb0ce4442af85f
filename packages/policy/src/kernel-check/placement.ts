// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook } from "../compiled-policy.ts";
import type { HookPoint } from "./attach-kinds.ts";
import { canReadArgument } from "./readable.ts";
import { badArgument, type Refusal } from "./refusals.ts";

/**
 * What a hook point contributes to a hook entry.
 * decide: the program gives the call's result, so a kill is a denial as well;
 * signal: it can send signals and post; signal-silently: the event comes from elsewhere;
 * companion: decides for a hook entry at another function, silent about what it lets pass.
 */
export type Role = "decide" | "signal" | "signal-silently" | "companion";

/** A place at which a hook entry is attached. */
export type Placement = {
  readonly point: HookPoint;
  readonly role: Role;
  /** Where the place has what the policy counts as argument `index`; undefined: it doesn't get it. */
  readonly position: (index: number) => number | undefined;
  /** It stands for writes to a core dump: `position` 0 is the struct iattr that has the file. */
  readonly inCoreDump?: true;
};

export type HookPlan =
  | {
      readonly placements: readonly Placement[];
      /** What it does less well than the policy may let expect. */
      readonly weaknesses: readonly string[];
      readonly refusals?: never;
    }
  | { readonly refusals: readonly Refusal[]; readonly placements?: never };

/** The plan to attach there, if the arguments can be read in each of the places. */
export function planAt(
  hook: CompiledHook,
  placements: readonly Placement[],
  weaknesses: readonly string[] = [],
): HookPlan {
  const refusals = placements.flatMap(({ position }) =>
    hook.args
      .filter((arg) => !canReadArgument(arg, hook, position(arg.index)))
      .map((arg) => badArgument(hook, arg)),
  );
  return refusals.length > 0 ? { refusals } : { placements, weaknesses };
}

export function point(kind: HookPoint["kind"], target: string, syscall = false): HookPoint {
  return { kind, target, syscall };
}

export function refuse(refusal: Refusal): HookPlan {
  return { refusals: [refusal] };
}
