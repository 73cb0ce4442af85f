// SPDX-License-Identifier: Apache-2.0
import {
  argOperatorsByName,
  type ExecArgSelectorSpec,
  type ExecEnvSelectorSpec,
  type HookKind,
  typeRow,
} from "@gander/crd-schemas";
import type { CompiledFilter, ExecTest, TestOf } from "../compiled-policy.ts";
import { hasForm } from "../compiled-policy.ts";
import { isExecHook } from "../language/exec-hooks.ts";
import { quote, readAll, type Value } from "../language/values.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";
import { compileValues } from "./compile-values.ts";
import { compileWithSets } from "./written-values.ts";

/** The hook of these filters. */
export type ExecContext = {
  readonly kind: HookKind;
  readonly syscall: boolean;
  /** All functions that it hooks; none if there was an error. */
  readonly targets: readonly string[];
  /** Values can be names of sets. */
  readonly isGuard: boolean;
};

type ExecFilter = Extract<CompiledFilter, { on: "exec-argument" | "exec-variable" }>;

export function compileExecArgFilter(
  spec: ExecArgSelectorSpec,
  scope: Scope,
  context: ExecContext,
): CompiledFilter | undefined {
  const compile = (one: ExecArgSelectorSpec, at: Scope) => compileArgument(one, at, context);
  return compileWithSets(spec, scope, context, { ...withSets, compile });
}

export function compileExecEnvFilter(
  spec: ExecEnvSelectorSpec,
  scope: Scope,
  context: ExecContext,
): CompiledFilter | undefined {
  const compile = (one: ExecEnvSelectorSpec, at: Scope) => compileVariable(one, at, context);
  return compileWithSets(spec, scope, context, { ...withSets, compile });
}

const withSets = {
  standIn: "x",
  emptied: (filter: ExecFilter) =>
    filter.test.op === "exists" ? undefined : { ...filter, test: { ...filter.test, values: [] } },
};

/** The test with further values; undefined if one is wrong, which is reported to `scope`. */
export function addTexts(
  test: TestOf<"texts">,
  further: readonly string[],
  scope: Scope,
): TestOf<"texts"> | undefined {
  const kind = test.op.replace("str-", "");
  const operator = [...argOperatorsByName].find(
    ([, row]) => row.kind === kind && row.negate === test.negate,
  );
  return compileText(operator?.[0] ?? "", [...test.values, ...further], scope);
}

function compileArgument(
  { index, operator, values }: ExecArgSelectorSpec,
  scope: Scope,
  context: ExecContext,
): ExecFilter | undefined {
  const isPossible = checkHook(scope, "matchExecArgs", context);
  if (index !== undefined && index > limits.execArgument)
    scope
      .at("index")
      .error(
        "policy-index",
        `An argument at a position can be one of the first ${limits.execArgument + 1}`,
        "Leave `index` out to compare all of them.",
      );
  const test = compileText(operator, values, scope);
  if (!isPossible || test === undefined) return undefined;
  return { on: "exec-argument", ...(index === undefined ? {} : { index }), test };
}

function compileVariable(
  { names: given, operator, values = [] }: ExecEnvSelectorSpec,
  scope: Scope,
  context: ExecContext,
): ExecFilter | undefined {
  const isPossible = checkHook(scope, "matchExecEnv", context);
  const names = readNames(given, scope.at("names"));
  const test: ExecTest | undefined =
    operator === "Exists" || operator === "DoesNotExist"
      ? { op: "exists", negate: operator === "DoesNotExist" }
      : compileText(operator, values, scope);
  if (test?.op === "exists" && values.length > 0) {
    scope
      .at("values")
      .error(
        "policy-bad-value",
        `${operator} takes no values`,
        "Remove `values`, or compare them with Equal, Prefix, Postfix or SubString.",
      );
    return undefined;
  }
  if (!isPossible || names === undefined || test === undefined) return undefined;
  return { on: "exec-variable", names, test };
}

function compileText(
  operator: string,
  values: readonly string[],
  scope: Scope,
): TestOf<"texts"> | undefined {
  const row = argOperatorsByName.get(operator);
  const test = row && compileValues(row, typeRow("string"), values, scope);
  if (test === undefined || !hasForm(test, "texts")) return undefined;
  const long = values.findIndex((value) => Buffer.byteLength(value) > limits.execBytes);
  if (long === -1) return test;
  scope
    .at("values", long)
    .error(
      "policy-bad-value",
      `The value has ${Buffer.byteLength(values[long] ?? "")} bytes; ${limits.execBytes} are possible for a new program's texts`,
      "Use Prefix or SubString with a part of it.",
    );
  return undefined;
}

/** Reports a hook that does not get the new program. */
function checkHook(scope: Scope, field: string, { kind, syscall, targets }: ExecContext): boolean {
  const wrong = targets.find((target) => syscall || !isExecHook(kind, target));
  if (wrong === undefined) return targets.length > 0;
  if (wrong === "") return false;
  scope.error(
    "policy-rule",
    `${field} is not possible at ${quote(wrong)}, which does not get the program that is about to run`,
    "Hook bprm_check_security below lsmhooks.",
  );
  return false;
}

function readNames(given: readonly string[], scope: Scope): string[] | undefined {
  if (given.length === 0)
    scope.error("policy-missing-field", "The filter has no names", "Add at least one.");
  if (given.length > limits.execNames)
    scope.error(
      "policy-out-of-bounds",
      `The filter has ${given.length} names; ${limits.execNames} are possible`,
      "Write several selectors.",
    );
  const names = readAll(given, scope, readName);
  if (given.length === 0 || given.length > limits.execNames || names === undefined)
    return undefined;
  return [...new Set(names)].sort();
}

function readName(text: string): Value<string> {
  if (text === "" || /[=\0]/.test(text) || !text.isWellFormed())
    return {
      wrong: `${quote(text)} cannot be the name of a variable`,
      hint: "Write the name alone, e.g. LD_PRELOAD; its value is compared by `operator` and `values`.",
    };
  const bytes = Buffer.byteLength(text);
  if (bytes >= limits.prefixBytes)
    return {
      wrong: `The name has ${bytes} bytes; ${limits.prefixBytes - 1} are possible`,
      hint: "Write a name that programs use.",
    };
  return { ok: text };
}
