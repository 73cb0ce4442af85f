// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { describeHookPoint, isEnforcing } from "@gander/policy";
import { activeRules, type InstalledPolicy } from "./installed-policy.ts";

export type InForce = {
  /** The sensor's folder below the bpf file system. */
  readonly bpfFolder: string;
  /** Where programs of earlier sensors that do not know this sensor are attached. */
  readonly hooks: readonly string[];
  /** The policies in the manifest, including those of the operator. */
  readonly policies: readonly InstalledPolicy[];
};

/**
 * Explains a start-up error to users. If the system refused a call while programs of an earlier sensor that
 * cannot recognize this sensor are in force, one of their policies may be the reason: the message names it.
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

/** The call that the system refused; undefined for any other error. */
function callOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof GanderError) return undefined;
  if (!("code" in error) || !/^E[A-Z0-9]+$/.test(String(error.code))) return undefined;
  if ("syscall" in error) return String(error.syscall);
  return "operation" in error ? "bpf" : undefined;
}

/** Parts of the names of hooked functions that can block a call, where they differ from the call's name. */
const functionsOf: Readonly<Record<string, RegExp>> = {
  open: /file_open|openat|permission|mknod|create/,
  read: /file_permission|read/,
  write: /file_permission|write/,
  scandir: /file_open|openat|file_permission|getdents|readdir/,
  listen: /bind|listen|mknod/,
  stat: /getattr|stat/,
  bpf: /bpf|capable/,
};

/** E.g. `"no-mkdir" (LSM program on path_mkdir)`; all enforcing policies if the call matches none. */
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
