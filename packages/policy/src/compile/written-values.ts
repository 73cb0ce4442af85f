// SPDX-License-Identifier: Apache-2.0
import { apiVersions } from "@gander/crd-schemas";
import { quote } from "../language/values.ts";
import type { Scope } from "../scope.ts";
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
