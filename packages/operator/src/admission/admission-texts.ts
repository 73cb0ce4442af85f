// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import type { FleetFinding } from "@gander/policy/fleet";
import type { RefusalStatus } from "./admission-review.ts";
import type { FleetReport } from "./fleet-report.ts";

/** The refusal that the user sees: all problems, one line each, with the path in the object. */
export function refusalOf(problems: readonly Problem[], what = "policy"): RefusalStatus {
  const errors = problems.filter(({ severity }) => severity !== "warning");
  const lines = errors.map((problem) => `${placeOf(problem)}${sentenceOf(problem)}`);
  const count = problems.filter(({ severity }) => severity === "error").length;
  return {
    message: [`${count} ${count === 1 ? "error" : "errors"} in the ${what}:`, ...lines].join("\n"),
    causes: errors.map((problem) => ({
      reason: "FieldValueInvalid",
      field: plain(problem.path),
      message: sentenceOf(problem),
    })),
  };
}

/** The API server truncates longer warnings. */
const warningLength = 256;
/** Limit for all warnings together; the API server passes on 4096. */
const warningsLength = 3_800;

/** The policy's own warnings, then those of the kernels, up to the length limits. */
export function warningsOf(
  problems: readonly Problem[],
  report: FleetReport | "failed" | undefined,
): readonly string[] {
  const all = [
    ...problems
      .filter(({ severity }) => severity === "warning")
      .map((problem) => `${placeOf(problem)}${sentenceOf(problem)}`),
    ...(report === undefined ? [] : kernelWarnings(report)),
  ];
  const shown: string[] = [];
  let length = 0;
  for (const text of all) {
    const cut = cutTo(text, warningLength);
    length += Buffer.byteLength(cut);
    if (length > warningsLength) break;
    shown.push(cut);
  }
  const left = all.length - shown.length;
  return left === 0 ? shown : [...shown, `There are ${left} more warnings`];
}

function kernelWarnings(report: FleetReport | "failed"): readonly string[] {
  if (report === "failed") return ["It could not be checked against the kernels of the nodes"];
  const { findings, nodes, unknown } = report;
  const shown = findings
    .filter(({ severity }) => severity !== "note")
    .map((finding) => kernelWarning(finding, nodes));
  const text = `Not checked against the kernels of ${ofNodes(unknown, nodes)}, which are not known yet`;
  return unknown === 0 ? shown : [...shown, text];
}

function kernelWarning(finding: FleetFinding, all: number): string {
  const { severity, path, kernels, nodes } = finding;
  const releases = [...new Set(kernels.map(({ release }) => plain(release).slice(0, 64)))];
  const more = releases.length > 3 ? ` and ${releases.length - 3} more` : "";
  const on = `${ofNodes(nodes, all)} (kernel ${releases.slice(0, 3).join(", ")}${more})`;
  const place = path === "" ? "" : `${path}: `;
  return severity === "error"
    ? `It cannot work on ${on}: ${place}${sentenceOf(finding)}`
    : `On ${on}: ${place}${sentenceOf(finding)}`;
}

function ofNodes(nodes: number, all: number): string {
  return `${nodes} of ${all} ${all === 1 ? "node" : "nodes"}`;
}

const placeOf = ({ path }: Problem) => (path === "" ? "" : `${plain(path)}: `);

function sentenceOf({ message, hint }: Pick<Problem, "message" | "hint">): string {
  const text = hint === "" ? message : `${message.replace(/[.]$/, "")}. ${hint}`;
  return cutTo(plain(text), 1_000);
}

/** One line, without characters that move a cursor; names in it may come from a workload or a sensor. */
function plain(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ");
}

/** Truncates to `bytes` without splitting a code point. */
function cutTo(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let kept = "";
  let left = bytes - 3;
  for (const char of text) {
    left -= Buffer.byteLength(char);
    if (left < 0) break;
    kept += char;
  }
  return `${kept}…`;
}
