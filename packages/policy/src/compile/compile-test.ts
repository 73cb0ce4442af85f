// SPDX-License-Identifier: Apache-2.0
import type { ArgType, OperatorRow } from "@gander/crd-schemas";
import { operatorFits, operatorsFor, typeRow } from "@gander/crd-schemas";
import type { ArgTest } from "../compiled-policy.ts";
import type { Scope } from "../scope.ts";
import { compileValues } from "./compile-values.ts";

/** An operator of a filter. */
type Named = OperatorRow & {
  readonly name: string;
  /** CapabilitiesGained: what the argument is compared with. */
  readonly before?: { readonly position: number; readonly type: ArgType } | undefined;
};

/** The test of an argument of that type; undefined if it has an error, which is reported to `scope`. */
export function compileTest(
  operator: Named,
  argType: ArgType,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  if (!checkOperator(operator, argType, scope)) return undefined;
  const test = { ...operator, before: operator.before?.position };
  return compileValues(test, typeRow(argType), values, scope);
}

/** Whether the operator can be applied to an argument of that type; if not, that is reported to `scope`. */
export function checkOperator(operator: Named, argType: ArgType, scope: Scope): boolean {
  const { before } = operator;
  const types = before === undefined ? [argType] : [before.type, argType];
  const wrong = types.find((one) => !operatorFits(operator, typeRow(one)));
  if (wrong === undefined) return true;
  const type = typeRow(wrong);
  const fitting = operatorsFor(type);
  const none =
    type.family === "structure"
      ? "Events show it, but no filter looks into it; filter on another argument."
      : "An argument of this type is not read; give it another type.";
  const hint = fitting.length === 0 ? none : `Operators for it: ${fitting.join(", ")}.`;
  scope
    .at("operator")
    .error(
      "policy-operator-type",
      `${operator.name} cannot be applied to an argument of type ${wrong}`,
      before === undefined ? hint : `Both must be sets of capabilities, such as cap_effective.`,
    );
  return false;
}
