// SPDX-License-Identifier: Apache-2.0
import type { Problem, Result } from "@gander/base";
import type { CheckedPolicy } from "../checked-policy.ts";
import type { CheckedSet } from "./check-value-set.ts";
import { resolveSets, type SetProblem } from "./resolve-sets.ts";
import type { SetUse } from "./set-uses.ts";

/**
 * The policy with the values of these sets in the place of their names. Problems are placed where the policy names
 * the set; the text says where the value is.
 */
export function useSets(
  policy: CheckedPolicy,
  sets: ReadonlyMap<string, CheckedSet>,
): Result<CheckedPolicy> {
  const { compiled, setUses = [], warnings } = policy;
  if (setUses.length === 0) return { value: policy };
  const resolved = resolveSets(compiled, (name) => sets.get(name));
  const placed = (found: readonly SetProblem[]) =>
    found.map((one) => placeProblem(one, setUses, sets.get(one.set)));
  if (resolved.value === undefined) return { problems: placed(resolved.problems) };
  const { value, remarks } = resolved;
  const own = [...warnings, ...placed(remarks)];
  return { value: { ...policy, compiled: value, named: compiled, warnings: own } };
}

function placeProblem(
  { set, path, position, code, message, hint, severity }: SetProblem,
  uses: readonly SetUse[],
  known: CheckedSet | undefined,
): Problem {
  const use = uses.find((one) => one.set === set && one.path === path);
  const { file = "", line = 0, column = 0 } = use ?? {};
  const at = position === undefined ? undefined : known?.places[position];
  const place = at && known?.file ? ` (${known.file}:${at.line}:${at.column})` : "";
  const text =
    position === undefined
      ? message
      : `Value ${position + 1} of the ValueSet "${set}"${place}: ${message}`;
  return { file, path: `${path}.values`, line, column, code, message: text, hint, severity };
}
