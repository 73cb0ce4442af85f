// SPDX-License-Identifier: Apache-2.0
import type { ArgType, OperatorRow } from "@gander/crd-schemas";
import { operatorsFor, typeRow } from "@gander/crd-schemas";
import type { ArgTest } from "../compiled-policy.ts";
import type { Scope } from "../scope.ts";
import { compileValues } from "./compile-values.ts";

/** The test of an argument of that type; undefined if it has an error, which is reported to `scope`. */
export function compileTest(
  operator: OperatorRow & { readonly name: string },
  argType: ArgType,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const type = typeRow(argType);
  if (!operator.families.includes(type.family)) {
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
        `${operator.name} cannot be applied to an argument of type ${argType}`,
        hint,
      );
    return undefined;
  }
  return compileValues(operator, type, values, scope);
}
