// SPDX-License-Identifier: Apache-2.0
import { apiVersions } from "@gander/crd-schemas";
import type { CompiledFilter, FilterOfSets } from "../compiled-policy.ts";
import { quote } from "../language/values.ts";
import { pathText, type Scope } from "../scope.ts";
import { readValue, setReference, wrongSetName } from "../sets/set-reference.ts";

/** The values of a filter as written, apart from the sets that it names. */
export type WrittenValues = {
  readonly values: readonly string[];
  /** Names, sorted. */
  readonly sets: readonly string[];
  /** That of the filter, where positions are those in `values`. */
  readonly scope: Scope;
  /** A name was wrong. */
  readonly isBroken: boolean;
};

/** `scope` is that of the filter. Only in kinds of our own, values can be names of sets. */
export function readWritten(
  given: readonly string[],
  scope: Scope,
  { isGuard }: { readonly isGuard: boolean },
): WrittenValues {
  const none = { values: given, sets: [], scope, isBroken: false };
  if (!isGuard || !given.some((value) => value.startsWith(setReference("")))) return none;
  const positions: number[] = [];
  const values: string[] = [];
  const sets = new Set<string>();
  let isBroken = false;
  for (const [i, value] of given.entries()) {
    const { text, set } = readValue(value);
    const hint = set === undefined ? undefined : wrongSetName(set);
    if (hint !== undefined) {
      isBroken = true;
      scope.at("values", i).error("policy-bad-value", `${quote(value)} does not name a set`, hint);
    } else if (set === undefined) {
      positions.push(i);
      values.push(text);
    } else sets.add(set);
  }
  return { values, sets: [...sets].sort(), scope: repositioned(scope, positions), isBroken };
}

/** `values` of the result has at i what that of `scope` has at `positions[i]`. */
function repositioned(scope: Scope, positions: readonly number[]): Scope {
  const original = (i: string | number) => (typeof i === "number" ? (positions[i] ?? i) : i);
  return {
    ...scope,
    at(field, position, ...more) {
      if (field !== "values" || position !== undefined)
        return position === undefined
          ? scope.at(...(field === undefined ? [] : [field]))
          : scope.at(field ?? "", field === "values" ? original(position) : position, ...more);
      const values = scope.at("values");
      return {
        ...values,
        at: (i, ...below) => (i === undefined ? values : values.at(original(i), ...below)),
      };
    },
  };
}

type NamedFilter = FilterOfSets["filter"];

type SetCompiler<Spec, Filter extends NamedFilter> = {
  /** Own values are checked with this in the place of those of sets, if they are none. */
  readonly standIn: string;
  readonly compile: (spec: Spec, scope: Scope) => Filter | undefined;
  /** The filter without its values; undefined if it can't have sets, which is reported. */
  readonly emptied: (filter: Filter, scope: Scope) => Filter | undefined;
};

/** A filter of one text or path with others, and with the names of the sets that it names. */
export function compileWithSets<
  Spec extends { readonly values?: readonly string[] | undefined },
  Filter extends NamedFilter,
>(
  spec: Spec,
  filterScope: Scope,
  { isGuard }: { readonly isGuard: boolean },
  { standIn, compile, emptied }: SetCompiler<Spec, Filter>,
): CompiledFilter | undefined {
  if (spec.values === undefined) return compile(spec, filterScope);
  const { values, sets, scope, isBroken } = readWritten(spec.values, filterScope, { isGuard });
  if (isBroken) return undefined;
  if (sets.length === 0) return compile({ ...spec, values }, scope);
  const hasOwn = values.length > 0;
  const whole = compile({ ...spec, values: hasOwn ? values : [standIn] }, scope);
  const empty = whole && emptied(whole, scope);
  if (empty === undefined) return undefined;
  const filter = hasOwn ? whole : empty;
  return filter && { on: "of-sets", sets, filter, path: pathText(filterScope.path) };
}

/** Reports names of sets where no set is possible. */
export function refuseSets(given: readonly unknown[], scope: Scope): boolean {
  const at = given.findIndex(
    (value) => typeof value === "string" && readValue(value).set !== undefined,
  );
  if (at === -1) return false;
  scope
    .at("values", at)
    .error(
      "policy-rule",
      "This filter cannot name a set",
      "matchArgs, matchReturnArgs, matchData, matchBinaries, matchParentBinaries, matchExecArgs and matchExecEnv can. Write the values here.",
    );
  return true;
}

/** Reports names of sets in a kind that has none, where they are nothing else. */
export function refuseSetsOfKind(given: readonly string[], scope: Scope): boolean {
  const at = given.findIndex((value) => value.startsWith(setReference("")));
  if (at === -1) return false;
  scope
    .at("values", at)
    .error(
      "policy-rule",
      `${quote(given[at] ?? "")} names a set, which this kind of policy has not`,
      `Use \`apiVersion: ${apiVersions.GuardPolicy}\` and \`kind: GuardPolicy\` (or GuardPolicyNamespaced).`,
    );
  return true;
}
