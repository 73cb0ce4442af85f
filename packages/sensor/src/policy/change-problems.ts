// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import type { InstalledPolicy } from "./installed-policy.ts";
import { NotKeptError } from "./manifest/manifest-keeper.ts";
import { policyProblem } from "./policy-problem.ts";
import type { PolicyKey } from "./policy-state.ts";

export function notFound({ name, namespace, origin }: PolicyKey): Problem {
  const where = namespace === "" ? "" : ` in namespace "${namespace}"`;
  return policyProblem({
    code: "policy-not-found",
    message: `There is no policy "${name}"${where} (${origin})`,
    hint: "`gander policy list` shows all of them.",
  });
}

export const tooMuchLeft =
  "there is too much left of sensors whose state was lost: delete the policies named `unknown:…` first";

export function changeProblem(name: string, error: unknown): Problem {
  const reason = error instanceof Error ? error.message : String(error);
  if (!(error instanceof NotKeptError))
    return policyProblem({
      code: "policy-not-loaded",
      message: `Cannot load policy "${name}": ${reason}`,
    });
  return policyProblem({
    code: "policy-not-kept",
    message: `Cannot change policy "${name}": a restart of the sensor would forget it, as its state cannot be saved: ${reason}`,
    hint: "Free space in --state-dir, or make it writable.",
  });
}

export function unknownPolicy({ name }: PolicyKey): Problem {
  return policyProblem({
    code: "policy-rule",
    message: `Cannot change policy "${name}": its content is not known`,
    hint: "Delete it if what it enforces is no longer needed.",
  });
}

export function notHere({ name }: PolicyKey): Problem {
  return policyProblem({
    code: "policy-rule",
    message: `Cannot change policy "${name}" here: it comes from the cluster`,
    hint: "Change it at its source: with kubectl, or in Git.",
  });
}

export function notBlown({ key: { name }, fuse }: InstalledPolicy): Problem {
  return policyProblem({
    code: "policy-rule",
    message:
      fuse === undefined
        ? `Cannot arm the fuse of policy "${name}": it has none`
        : `Cannot arm the fuse of policy "${name}": it is not blown`,
    hint:
      fuse === undefined
        ? "Give the policy the annotation gander.dev/fuse, such as 5 pods in 1m."
        : "`gander policy list` shows which fuses are blown.",
  });
}

export function stillRunning({ revision }: InstalledPolicy, problem: string): string {
  return `Failed, still running revision ${revision}: ${problem}`;
}

export function placedText(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === "error");
  return errors
    .map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`)
    .join("; ");
}
