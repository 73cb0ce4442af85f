// SPDX-License-Identifier: Apache-2.0
import { terminalSafeJson } from "../events/quote.ts";
import { type FailOn, type FileReport, isGood } from "./file-report.ts";

/** One JSON object with everything that is known. */
export function jsonReport(reports: readonly FileReport[], failOn: FailOn): string {
  const report = {
    ok: reports.every((file) => isGood(file, failOn)),
    files: reports.map((file) => ({
      file: file.file,
      ok: isGood(file, failOn),
      policies: file.policies.map(({ compiled, named = compiled }) => {
        const { name, namespace, mode, digest } = named;
        return { name, namespace, mode, digest };
      }),
      ...(file.cases && { cases: file.cases }),
      problems: file.problems.map(({ file: _file, ...problem }) => problem),
    })),
  };
  return `${terminalSafeJson(JSON.stringify(report))}\n`;
}
