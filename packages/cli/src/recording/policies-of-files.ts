// SPDX-License-Identifier: Apache-2.0
import { type CheckedPolicy, type CompiledPolicy, isClusterSet } from "@gander/policy";
import { checkFiles } from "../check/check-files.ts";
import { exitStatus, isGood } from "../check/file-report.ts";
import { textReport } from "../check/report-text.ts";
import { type Io, wantsColor } from "../io.ts";

/** The policies of files, with what is wrong said on the standard error; a number: exit with it. */
export async function policiesOfFiles(
  files: readonly string[],
  io: Io,
): Promise<readonly CheckedPolicy[] | number> {
  const reports = await checkFiles(files, io, () => []);
  const bad = reports.filter((report) => !isGood(report));
  const color = wantsColor(io, "auto");
  io.stderr.write(textReport(bad, { quiet: true, color, failOn: "error" }));
  // Not 1: no verdict is meant.
  if (exitStatus(reports, "error") !== 0) return 2;
  return reports.flatMap(({ policies }) => policies);
}

/** The values of sets that a cluster fills are not known here: filters that name them are not decided. */
export const decidable = ({ compiled, named, setUses = [] }: CheckedPolicy): CompiledPolicy =>
  setUses.some(({ set }) => isClusterSet(set)) ? (named ?? compiled) : compiled;
