// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook, TypedHook } from "../compiled-policy.ts";
import type { HookPoint } from "./attach-kinds.ts";
import { canReadArgument } from "./readable.ts";
import { badArgument, type Refusal } from "./refusals.ts";

/**
 * The contribution of a hook point to a hook entry.
 * decide: the program sets the call's result, so a kill is also a denial;
 * signal: it can send signals and post; signal-silently: the event is posted elsewhere;
 * companion: decides for a hook entry at another function, silent about calls that it allows.
 */
export type Role = "decide" | "signal" | "signal-silently" | "companion";

/** A place at which a hook entry is attached. */
export type Placement = {
  readonly point: HookPoint;
  readonly role: Role;
  /** Position there of the policy's argument `index`; undefined if the place doesn't get it. */
  readonly position: (index: number) => number | undefined;
  /** Represents writes to a core dump: `position` 0 is the struct iattr that has the file. */
  readonly inCoreDump?: true;
};

/** The plan, and the hook entry with what this kernel decides about it. */
export type PlacedHook =
  | (Extract<HookPlan, { placements: readonly Placement[] }> & { readonly hook: TypedHook })
  | (Extract<HookPlan, { refusals: readonly Refusal[] }> & { readonly hook?: never });

export type HookPlan =
  | {
      readonly placements: readonly Placement[];
      /** In which ways it is weaker than the policy suggests. */
      readonly weaknesses: readonly string[];
      /** The entry with what the file of a program decides about its actions. */
      readonly lowered?: CompiledHook;
      readonly refusals?: never;
    }
  | { readonly refusals: readonly Refusal[]; readonly placements?: never };

/** The plan to attach there, if the arguments are readable in each of the places. */
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
