// SPDX-License-Identifier: Apache-2.0
import { type CompiledHook, filesOfHooks, programPlaceOf } from "@gander/policy";
import { planHook } from "../plan/attach-plan.ts";
import type { InstalledHook, InstalledPolicy } from "./installed-policy.ts";
import type { KernelTables } from "./kernel-tables.ts";

/** Remarks on the files that a policy selects by `identity: file`, and on the programs that it hooks. */
type FileRemarks = {
  /** Files that were not found: nothing matches them, or they can't be hooked. */
  readonly weaknesses: readonly string[];
  /** The file each path leads to, and since when that is known. */
  readonly findings: readonly string[];
};

export function fileRemarks(
  { hooks }: Pick<InstalledPolicy, "hooks">,
  { files, kernel }: Pick<KernelTables, "files" | "kernel">,
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
  weaknesses.push(...hooks.flatMap((hook) => leftBehind(hook, kernel.facts)));
  return { weaknesses, findings };
}

/** The path of a hooked program leads to a file now that can't be hooked, or to none. */
function leftBehind(
  { hook, rules }: InstalledHook,
  facts: KernelTables["kernel"]["facts"],
): string[] {
  if (hook.program === undefined || rules.length === 0) return [];
  const problems =
    planHook(hook, facts).refusals?.map(({ message }) => message) ?? doubts(hook, facts);
  return problems.map(
    (problem) => `${hook.path}: the file that was there before is still hooked, but ${problem}`,
  );
}

/** It is not known whether another file is there. */
function doubts(hook: CompiledHook, facts: KernelTables["kernel"]["facts"]): string[] {
  const place = programPlaceOf(hook);
  const file = place === undefined ? undefined : facts.program?.(place.path);
  return file === undefined || file.problem !== undefined || !file.doubt ? [] : [file.doubt];
}
