// SPDX-License-Identifier: Apache-2.0

import {
  type ArgTypeRow,
  type OperatorKind,
  type OperatorRow,
  type TestForm,
  type TestName,
  testsOf,
} from "@gander/crd-schemas";
import type { ArgTest } from "../compiled-policy.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";
import { compileFileTypes } from "./compile-file-types.ts";
import { compileIntegerValues } from "./compile-integer-values.ts";
import { compileOrigins } from "./compile-origins.ts";
import {
  compileNames,
  compileNetworks,
  compilePorts,
  privilegedPorts,
} from "./compile-socket-values.ts";
import { compileTextValues } from "./compile-text-values.ts";

/** CapabilitiesGained compares two arguments. */
type ValueOperator = Exclude<OperatorKind, "gained">;

/** How a family of operators compiles the values of a filter; `scope` is that of the values. */
type Compile = (
  kind: OperatorKind,
  negate: boolean,
  type: ArgTypeRow,
  values: readonly string[],
  scope: Scope,
) => ArgTest | undefined;

const byType: Compile = (kind, negate, type, values, scope) => {
  const compile = type.family === "integer" ? compileIntegerValues : compileTextValues;
  return compile(kind, negate, type, values, scope);
};

const compilers: Readonly<Record<ValueOperator, Compile>> = {
  ...each("bound", () => compileIntegerValues),
  ...each(
    "networks",
    (op) => (_, negate, __, values, scope) => compileNetworks(op, negate, values, scope),
  ),
  ...each(
    "ports",
    (op) => (_, negate, __, values, scope) => compilePorts(op, negate, values, scope),
  ),
  ...each(
    "numbers",
    (op) => (_, negate, __, values, scope) => compileNumbers(op, negate, values, scope),
  ),
  equal: byType,
  range: byType,
  "in-map": byType,
  prefix: byType,
  postfix: byType,
  contains: byType,
  "contains-any-case": byType,
  "sport-priv": (_, negate) => privilegedPorts("sport", negate),
  "dport-priv": (_, negate) => privilegedPorts("dport", negate),
};

function compileNumbers(
  op: TestName<"numbers">,
  negate: boolean,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  if (op === "file-type") return compileFileTypes(negate, values, scope);
  if (op === "origin") return compileOrigins(negate, values, scope);
  return compileNames(op, negate, values, scope);
}

function each<Form extends TestForm>(form: Form, compile: (op: TestName<Form>) => Compile) {
  const entries = testsOf(form).map((op) => [op, compile(op)]);
  return Object.fromEntries(entries) as Record<TestName<Form>, Compile>;
}

/** Reads the values of a filter as its operator and the argument's type require. */
export function compileValues(
  { kind, negate, before }: OperatorRow & { readonly before?: number | undefined },
  type: ArgTypeRow,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const place = scope.at("values");
  if (!checkValueCount(kind, values, place)) return undefined;
  if (kind !== "gained") return compilers[kind](kind, negate, type, values, place);
  return before === undefined ? undefined : gainedTest(before, type, values, place);
}

/** Without values, all capabilities count. */
function gainedTest(
  before: number,
  type: ArgTypeRow,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const gained = { op: "gained", negate: false, before } as const;
  if (values.length === 0) return { ...gained, values: [2n ** 64n - 1n] };
  const mask = compileIntegerValues("mask", false, type, values, scope);
  return mask?.op === "mask" ? { ...gained, values: mask.values } : undefined;
}

/** Whether an operator gets as many values as it takes; `scope` is that of the values. */
export function checkValueCount(
  kind: OperatorKind,
  values: readonly string[],
  scope: Scope,
): boolean {
  const none = kind === "sport-priv" || kind === "dport-priv";
  const isNeeded = !none && kind !== "gained";
  if (none && values.length > 0) {
    scope.error(
      "policy-bad-value",
      "This operator takes no values",
      "Remove `values`: it always means the ports 0 to 1023.",
    );
  } else if (isNeeded && values.length === 0) {
    scope.error(
      "policy-missing-field",
      "The filter has no values",
      "Add `values:` with what to compare to.",
    );
  } else if (values.length > limits.values) {
    scope.error(
      "policy-out-of-bounds",
      `The filter has ${values.length} values; ${limits.values} are possible`,
      "Use ranges, prefixes or networks.",
    );
  } else {
    return true;
  }
  return false;
}
