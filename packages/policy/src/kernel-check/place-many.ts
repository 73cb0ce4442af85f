// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook, TypedHook } from "../compiled-policy.ts";
import { limits } from "../limits.ts";
import { compareArgumentTypes } from "./argument-types.ts";
import type { AttachFacts } from "./attach-facts.ts";
import { enforces } from "./hook-traits.ts";
import { describeSet, type FunctionSet } from "./matching-functions.ts";
import { otherStructure } from "./other-structure.ts";
import { type PlacedHook, planAt } from "./placement.ts";
import { type Refusal, signalOnly } from "./refusals.ts";
import { typeHook } from "./type-hook.ts";

/** An entry for functions that the kernel has the names of: one program at all of them. */
export function placeMany(hook: CompiledHook, set: FunctionSet, facts: AttachFacts): PlacedHook {
  const found = facts.matchingFunctions(set);
  if (found.problem !== undefined)
    return refused({ code: "kernel-facts", message: found.problem, hint: found.hint });
  const typed = typeHook(hook, facts);
  if (typed.refusals !== undefined) return typed;
  const { functions, without, narrower } = thatFit(found.names, typed.hook, facts);
  if (functions.length === 0) return refused(nothingFits(hook, set, without));
  const isTooMany = functions.length > limits.generatedFunctions;
  const tooMany = `${hook.target} has ${functions.length} functions of this kernel; ${limits.generatedFunctions} are possible`;
  if (isTooMany && found.certain)
    return refused({
      code: "kernel-unsupported",
      message: tooMany,
      hint: "Write a pattern for fewer, or several lists",
    });
  const leftOut = [
    ...found.leftOut,
    ...(without.length === 0
      ? []
      : [`${without.length} that lack the arguments, such as ${without[0]}`]),
  ];
  const plan = planAt(
    hook,
    [
      {
        point: { kind: "kprobes", target: hook.target, syscall: hook.syscall, functions },
        role: "signal",
        position: (index) => index,
      },
    ],
    [
      ...(enforces(hook) ? [signalOnly(hook, `functions of ${hook.target}`)] : []),
      ...(leftOut.length === 0 ? [] : [`${hook.target} leaves out ${leftOut.join(", ")}`]),
      ...(isTooMany ? [`${tooMany}, if the kernel lets all of them be traced`] : []),
      ...narrower,
    ],
  );
  if (plan.refusals !== undefined) return plan;
  return { ...plan, hook: typed.hook, weaknesses: [...plan.weaknesses, ...typed.weaknesses] };
}

const refused = (refusal: Refusal): PlacedHook => ({ refusals: [refusal] });

/** The functions that have the arguments of the entry. */
function thatFit(names: readonly string[], hook: TypedHook, facts: AttachFacts) {
  const functions: string[] = [];
  const without: string[] = [];
  const weaknesses: string[] = [];
  const isAsked = !hook.syscall && hook.args.some(({ source }) => source === undefined);
  for (const target of names) {
    const { refusals, weaknesses: weak } = isAsked
      ? compareArgumentTypes({ ...hook, target }, facts)
      : { refusals: [], weaknesses: [] };
    const fits = refusals.length === 0 && !(isAsked && hasOtherStructure(hook, target, facts));
    (fits ? functions : without).push(target);
    weaknesses.push(...weak);
  }
  const [first, ...more] = weaknesses;
  const narrower =
    first === undefined
      ? []
      : [more.length === 0 ? first : `${first}; ${more.length} more as this`];
  return { functions, without, narrower };
}

function hasOtherStructure({ args }: TypedHook, target: string, facts: AttachFacts): boolean {
  const parameters = facts.prototype(target)?.parameters ?? [];
  return args.some((arg) => {
    const declared = parameters[arg.index]?.type;
    return (
      arg.source === undefined &&
      declared !== undefined &&
      otherStructure(arg, declared, facts) !== undefined
    );
  });
}

function nothingFits(hook: CompiledHook, set: FunctionSet, without: readonly string[]): Refusal {
  return {
    code: "kernel-no-function",
    message:
      without.length === 0
        ? `this kernel has no ${describeSet(set)}`
        : `none of the ${without.length} functions of ${hook.target} has the arguments of this entry`,
    hint: "Correct the pattern, or set `ignore.callNotFound: true` if the policy may run without the hook",
  };
}
