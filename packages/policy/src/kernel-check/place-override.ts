// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook, OverrideAction } from "../compiled-policy.ts";
import { overriddenPlace, programPlaceOf } from "../language/program-place.ts";
import type { AttachFacts, FoundProgram } from "./attach-facts.ts";
import { overrides } from "./hook-traits.ts";
import { missing } from "./program-refusals.ts";
import type { Refusal } from "./refusals.ts";

/** Why Override is not possible at functions of programs on this kernel. */
export function whyNoOverride(hook: CompiledHook, facts: AttachFacts): Refusal | undefined {
  if (!overrides(hook) || changesRegisters(facts)) return undefined;
  return {
    code: "kernel-unsupported",
    message: `Override at a function of a program needs a kernel that lets probes change registers, which Linux does from 6.18 on; this one is ${facts.release}`,
    hint: "Use Sigkill or Signal; what the program asks of the kernel can be denied below lsmhooks",
  };
}

/** The kernel notes of a program whether it does, so that none of the kernel's own functions gets such a one. */
export function changesRegisters({ followPath }: Pick<AttachFacts, "followPath">): boolean {
  const found = followPath({ pointerTo: "bpf_prog_aux" }, "kprobe_write_ctx");
  return found !== undefined && !("reason" in found);
}

export type Lowered =
  | {
      readonly hook: CompiledHook;
      readonly weaknesses: readonly string[];
      readonly refusals?: never;
    }
  | { readonly refusals: readonly Refusal[]; readonly hook?: never };

/** The entry with each Override as what registers become in this file. */
export function lowerOverrides(hook: CompiledHook, file: FoundProgram): Lowered {
  if (!overrides(hook)) return { hook, weaknesses: [] };
  const refusals: Refusal[] = [];
  const selectors = hook.selectors.map((selector) => ({
    ...selector,
    actions: selector.actions.map((action) => {
      if (action.action !== "override") return action;
      const lowered = lowerOverride(action, hook, file);
      if (lowered.refusal === undefined) return lowered.action;
      refusals.push({
        ...lowered.refusal,
        path: `${hook.path}.selectors[${selector.index}].matchActions`,
      });
      return action;
    }),
  }));
  if (refusals.length > 0) return { refusals };
  return { hook: { ...hook, selectors }, weaknesses: weaknessesOf(hook) };
}

type LoweredAction =
  | { readonly action: OverrideAction; readonly refusal?: never }
  | { readonly refusal: Refusal; readonly action?: never };

/**
 * An error is returned by an instruction of the file that returns: nothing is taken from the stack that another
 * probe, or the processor, has noted to return to.
 */
function lowerOverride(
  action: OverrideAction,
  hook: CompiledHook,
  file: FoundProgram,
): LoweredAction {
  const wanted = programPlaceOf(hook);
  const to = wanted && overriddenPlace(action, wanted);
  if (wanted === undefined || to === undefined) return { action };
  const { error } = action;
  if (error !== undefined && file.isGo) return { refusal: goError(wanted.path) };
  if (error !== undefined && wanted.plus > 0) return { refusal: notAtBeginning(hook.target) };
  const [here, there] = [file.place(wanted), file.place(to)];
  if (here.problem !== undefined) return { refusal: missing(here) };
  if (there.problem !== undefined) return { refusal: missing(there) };
  const way = { to: "rip", from: "rip", add: BigInt(there.address - here.address) };
  const value = error === undefined ? [] : [{ to: "rax", add: BigInt(error) }];
  return { action: { action: "override", registers: [...value, way] } };
}

function weaknessesOf(hook: CompiledHook): readonly string[] {
  const actions = hook.selectors.flatMap((selector) => selector.actions);
  const all = actions.filter((action): action is OverrideAction => action.action === "override");
  const movesStack = all.some(({ registers = [] }) =>
    registers.some(({ to }) => to === "rsp" || to === "esp"),
  );
  const isNamed = hook.program?.by === "symbol";
  return [
    ...(movesStack
      ? [
          "a process crashes in which rsp changes while something else hooks the return of the same function",
        ]
      : []),
    ...(isNamed || all.every(({ error }) => error === undefined)
      ? []
      : [
          `${hook.target} is taken for the beginning of a function: elsewhere, argError makes programs crash`,
        ]),
  ];
}

const goError = (path: string) =>
  ({
    code: "kernel-unsupported",
    message: `no function of ${path} can be made to return an error: it is a Go program, whose functions return several values`,
    hint: "Write what the registers become, in argRegs, or use Sigkill",
  }) as const;

const notAtBeginning = (target: string) =>
  ({
    code: "kernel-unsupported",
    message: `${target} is not the beginning of a function, from where alone it can return`,
    hint: "Name the function without an offset, or write what the registers become, in argRegs",
  }) as const;
