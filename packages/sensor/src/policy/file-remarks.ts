// SPDX-License-Identifier: Apache-2.0
import { filesOfHooks } from "@gander/policy";
import type { HostFiles } from "../link/host-files.ts";
import type { InstalledPolicy } from "./installed-policy.ts";

/** Remarks on the files that a policy selects by `identity: file`. */
type FileRemarks = {
  /** Files that were not found: nothing matches them. */
  readonly weaknesses: readonly string[];
  /** The file each path leads to, and since when that is known. */
  readonly findings: readonly string[];
};

export function fileRemarks(
  { hooks }: Pick<InstalledPolicy, "hooks">,
  files: Pick<HostFiles, "finding">,
): FileRemarks {
  const weaknesses: string[] = [];
  const findings: string[] = [];
  for (const path of filesOfHooks(hooks.map(({ hook }) => hook))) {
    const found = files.finding(path);
    const { identity, problem = "it was not looked for yet", at } = found ?? {};
    const seen = at === undefined ? "" : `, looked up at ${at.toISOString()}`;
    if (identity === undefined) weaknesses.push(`No program matches ${path}: ${problem}${seen}`);
    else {
      const device = `${identity.device >>> 20}:${identity.device & 0xfffff}`;
      const doubt = problem === "" ? "" : ` (not known anew: ${problem})`;
      findings.push(`${path} is inode ${identity.inode} on device ${device}${seen}${doubt}`);
    }
  }
  return { weaknesses, findings };
}
