// SPDX-License-Identifier: Apache-2.0
import type { ArgSelectorSpec, HookKind } from "@gander/crd-schemas";
import {
  argOperatorsByName,
  hookKinds,
  insteadOfArgOperator,
  operatorsFor,
  typeRow,
} from "@gander/crd-schemas";
import type { ArgTest, CompiledArg, CompiledFilter } from "../compiled-policy.ts";
import type { Scope } from "../scope.ts";
import type { Args } from "./compile-args.ts";
import { compileValues } from "./compile-values.ts";

/** The parts of a hook that its filters can refer to. */
export type FilterContext = {
  readonly kind: HookKind;
  readonly args: Args;
  readonly declared: readonly (number | undefined)[];
};

export function compileArgFilter(
  spec: ArgSelectorSpec,
  scope: Scope,
  context: FilterContext,
): CompiledFilter | undefined {
  const position = findArg(spec, scope, context);
  if (position === undefined) return undefined;
  const arg = context.args[position];
  const test = arg && testOf(spec, arg, scope);
  return test && { on: "arg", arg: position, test };
}

export function compileReturnFilter(
  spec: ArgSelectorSpec,
  scope: Scope,
  returnArg: CompiledArg,
): CompiledFilter | undefined {
  const index = spec.args?.[0] ?? spec.index ?? 0;
  if (index !== 0 || (spec.args?.length ?? 1) !== 1) {
    scope
      .at(spec.args ? "args" : "index")
      .error("policy-index", "A filter on the return value has index 0", "Write `index: 0`.");
    return undefined;
  }
  const test = testOf(spec, returnArg, scope);
  return test && { on: "arg", arg: "return", test };
}

function testOf(spec: ArgSelectorSpec, arg: CompiledArg, scope: Scope): ArgTest | undefined {
  const row = argOperatorsByName.get(spec.operator);
  if (!row) {
    scope
      .at("operator")
      .error(
        "policy-not-supported",
        `The operator ${spec.operator} is not supported yet`,
        insteadOfArgOperator(spec.operator),
      );
    return undefined;
  }
  const type = typeRow(arg.type);
  if (!row.families.includes(type.family)) {
    const fitting = operatorsFor(type.family);
    const none =
      type.family === "structure"
        ? "Events show it, but no filter looks into it; filter on another argument."
        : "An argument of this type is not read; give it another type.";
    const hint = fitting.length === 0 ? none : `Operators for it: ${fitting.join(", ")}.`;
    scope
      .at("operator")
      .error(
        "policy-operator-type",
        `${spec.operator} cannot be applied to an argument of type ${arg.type}`,
        hint,
      );
    return undefined;
  }
  return compileValues(row, type, spec.values ?? [], scope);
}

/** Position, in the hook's list, of the argument that a filter refers to. */
function findArg(spec: ArgSelectorSpec, scope: Scope, context: FilterContext): number | undefined {
  if (spec.args !== undefined) return byPosition(spec.args, scope.at("args"), context);
  if (spec.index === undefined) {
    scope.warning(
      "policy-missing-field",
      "The filter has neither index nor args; it is taken for index 0",
      "Write `index: 0`.",
    );
  }
  const index = spec.index ?? 0;
  const position = context.declared.indexOf(index);
  if (position >= 0) return position;
  // A tracepoint's filter may use the index in the policy's list if its number is no field of that list.
  if (hookKinds[context.kind].fields && index < context.args.length) return index;
  // One of the arguments could not be read, so the filter may refer to it.
  if (context.declared.includes(undefined)) return undefined;
  scope
    .at("index")
    .error(
      "policy-index",
      `The filter is on argument ${index}, which the hook does not read`,
      declaredHint(index, context),
    );
  return undefined;
}

function declaredHint(index: number, { declared }: FilterContext): string {
  const known = declared.filter((i) => i !== undefined);
  if (known.length === 0) return `Add \`args:\` with an entry \`index: ${index}\` and its type.`;
  return `Declared under args: ${known.join(", ")}. Use one of them, or declare \`index: ${index}\` with its type there.`;
}

function byPosition(
  args: readonly number[],
  scope: Scope,
  context: FilterContext,
): number | undefined {
  const [position, ...more] = args;
  if (position === undefined || more.length > 0) {
    scope.error(
      "policy-index",
      `args names ${args.length} arguments, but the operator compares one`,
      "Write one position, e.g. `args: [0]`.",
    );
    return undefined;
  }
  if (position >= context.args.length) {
    scope.error(
      "policy-index",
      `args names position ${position}, but the hook reads ${context.args.length} arguments`,
      "Positions count from 0 in the hook's own list `args`.",
    );
    return undefined;
  }
  return position;
}
