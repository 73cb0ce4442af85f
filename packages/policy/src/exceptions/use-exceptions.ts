// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import type { CheckedPolicy } from "../checked-policy.ts";
import { applyExceptions, type ExceptionPlace, type ExceptionUse } from "./apply-exceptions.ts";
import { type ChosenPolicy, choosesPolicy } from "./choose-policies.ts";
import {
  type CheckedException,
  type CompiledException,
  exceptionText,
} from "./policy-exception.ts";

/** A policy of a file with the exceptions of files that choose it. */
export function useExceptions(
  checked: CheckedPolicy,
  exceptions: readonly CheckedException[],
  place: ExceptionPlace,
): CheckedPolicy {
  if (exceptions.length === 0) return checked;
  const chosen = exceptionsOf(chosenBy(checked), exceptions);
  const { policy, uses } = applyExceptions(checked.compiled, chosen.applied, place);
  const all = [...uses, ...chosen.notAllowed];
  if (all.length === 0) return checked;
  return { ...checked, compiled: policy, exceptions: [...(checked.exceptions ?? []), ...all] };
}

/** Where exceptions of the policy do not apply, and why. */
export function exceptionWarnings(checked: CheckedPolicy): readonly Problem[] {
  const { exceptions = [], compiled } = checked;
  return exceptions.flatMap((use) => (use.message === "" ? [] : [warningOf(use, compiled.name)]));
}

function chosenBy({ policy, compiled }: CheckedPolicy): ChosenPolicy {
  const { labels = {}, annotations = {} } = policy.metadata;
  const { name, namespace } = compiled;
  return { name, namespace, labels, annotations };
}

/** Those that apply to the policy, and those that name it although it takes none of namespaces. */
export function exceptionsOf<E extends CompiledException>(
  policy: ChosenPolicy,
  exceptions: Iterable<E>,
): { readonly applied: readonly E[]; readonly notAllowed: readonly ExceptionUse[] } {
  const applied: E[] = [];
  const notAllowed: ExceptionUse[] = [];
  for (const exception of exceptions) {
    const choice = choosesPolicy(exception, policy);
    if (choice === "chosen") applied.push(exception);
    else if (choice === "not-allowed")
      notAllowed.push({ exception, state: "not-applicable", message: notAllowedText });
  }
  return { applied, notAllowed };
}

const notAllowedText =
  "the policy is for the whole cluster, and does not have the annotation `gander.dev/namespaced-exceptions: allowed`";

function warningOf(use: ExceptionUse, policy: string): Problem {
  const { file = "", line = 0, column = 0 } = use.exception as Partial<CheckedException>;
  return {
    ...{ file, path: "metadata.name", line, column, severity: "warning" },
    code: "policy-rule",
    message: useText(use, ` to the policy "${policy}"`),
    hint: "Calls there are judged as if there were no such exception.",
  };
}

/** Where an exception does not apply, and why. */
export function useText({ exception, state, message }: ExceptionUse, to = ""): string {
  const where = state === "partly" ? " everywhere" : "";
  return `The exception "${exceptionText(exception)}" does not apply${to}${where}: ${message}`;
}

/** Also of several files. */
export function sameExceptionNames(exceptions: readonly CheckedException[]): readonly Problem[] {
  const seen = new Set<string>();
  return exceptions.flatMap((exception): Problem[] => {
    const { file, line, column } = exception;
    const name = exceptionText(exception);
    const isSecond = seen.has(name);
    seen.add(name);
    if (!isSecond) return [];
    return [
      {
        ...{ file, path: "metadata.name", line, column, severity: "error" },
        code: "policy-bad-name",
        message: `There are two exceptions of the name "${name}"`,
        hint: "Give one of them another name.",
      },
    ];
  });
}
