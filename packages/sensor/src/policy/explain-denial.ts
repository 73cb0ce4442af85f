// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { describeHookPoint, isEnforcing } from "@gander/policy";
import { activeRules, type InstalledPolicy } from "./index.ts";

export type InForce = {
  /** The sensor's folder below the bpf file system. */
  readonly bpfFolder: string;
  /** Where earlier sensors' programs are attached that don't know this one. */
  readonly hooks: readonly string[];
  /** What the manifest says; those of the operator included. */
  readonly policies: readonly InstalledPolicy[];
};

/**
 * An error at the start as people need it. Where the system refused something and programs of an earlier
 * sensor are in force that could not be told who this is, one of their policies may be the reason: it is named.
 */
export function explainDenial(error: unknown, { bpfFolder, hooks, policies }: InForce): unknown {
  const call = callOf(error);
  if (call === undefined || hooks.length === 0) return error;
  const suspects = suspectsFor(call, policies);
  const who =
    suspects.length > 0
      ? `policy ${suspects.join(", or policy ")}`
      : `a policy that is no longer known, at ${hooks.join(" or ")}`;
  return new GanderError(
    "sensor-denied",
    `Cannot start: ${messageOf(error)}. What an earlier sensor left in force applies to this one, too; ${who} may deny this.`,
    {
      hint: `Remove the policy at its source, or make it exempt the sensor. Then remove what is in force from the kernel, which ends enforcement until the sensor runs again: rm -r ${bpfFolder}. If even that is denied, restart the machine: none of it outlives a restart.`,
      cause: error,
    },
  );
}

/** What was called when the system refused; undefined: the error is another. */
function callOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof GanderError) return undefined;
  if (!("code" in error) || !/^E[A-Z0-9]+$/.test(String(error.code))) return undefined;
  if ("syscall" in error) return String(error.syscall);
  return "operation" in error ? "bpf" : undefined;
}

/** Parts of the names of hooked functions that stand in the way of a call, where that isn't the call's name. */
const functionsOf: Readonly<Record<string, RegExp>> = {
  open: /file_open|openat|permission|mknod|create/,
  read: /file_permission|read/,
  write: /file_permission|write/,
  scandir: /file_open|openat|file_permission|getdents|readdir/,
  listen: /bind|listen|mknod/,
  stat: /getattr|stat/,
  bpf: /bpf|capable/,
};

/** E.g. `"no-mkdir" (LSM program on path_mkdir)`; all that enforce where the call tells nothing. */
function suspectsFor(call: string, policies: readonly InstalledPolicy[]): string[] {
  const pattern = functionsOf[call] ?? new RegExp(call);
  const all = policies.filter(({ mode }) => mode === "enforce").flatMap(enforcingPoints);
  const likely = all.filter(({ point }) => pattern.test(point.target));
  const named = (likely.length > 0 ? likely : all).map(
    ({ name, point }) => `"${name}" (${describeHookPoint(point)})`,
  );
  return [...new Set(named)];
}

function enforcingPoints(policy: InstalledPolicy) {
  const enforcing = policy.hooks.filter(({ hook }) =>
    hook.selectors.some(({ actions }) => actions.some(isEnforcing)),
  );
  return activeRules({ ...policy, hooks: enforcing }).map(({ planned: { point } }) => ({
    name: policy.key.name,
    point,
  }));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
