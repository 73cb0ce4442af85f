// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { type ErrorCode, errorCodes, type Problem, type Severity } from "@gander/base";
import type { Location, Log, Notification, ReportingDescriptor, Result } from "sarif";
import { quoteSentence, terminalSafeJson } from "../events/quote.ts";
import { fileLocation } from "./file-location.ts";
import type { FileReport } from "./file-report.ts";

type SarifReportOptions = {
  readonly root: string;
  readonly version: string;
};

/** SARIF 2.1.0 (OASIS), with what code hosts want of it: rules with help, places, fingerprints. */
export function sarifReport(
  reports: readonly FileReport[],
  { root, version }: SarifReportOptions,
): string {
  const read = reports.filter(({ state }) => state !== "unread");
  const rules = [...new Set(read.flatMap(({ problems }) => problems.map(({ code }) => code)))];
  rules.sort();
  const unread = reports.filter(({ state }) => state === "unread");
  const log: Log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "gander", semanticVersion: version, rules: rules.map(rule) } },
        // Columns of a problem count as editors do.
        columnKind: "utf16CodeUnits",
        originalUriBaseIds: { [base]: { uri: `${pathToFileURL(root).href}/` } },
        invocations: [
          {
            executionSuccessful: unread.length === 0,
            toolExecutionNotifications: unread.flatMap((report) => notifications(report, root)),
          },
        ],
        results: read.flatMap((report) => resultsOf(report, root, rules)),
      },
    ],
  };
  return `${terminalSafeJson(JSON.stringify(log, undefined, 2))}\n`;
}

const base = "%SRCROOT%";

function rule(code: ErrorCode): ReportingDescriptor {
  const { meaning, remedy } = errorCodes[code];
  return {
    id: code,
    shortDescription: { text: meaning },
    help: {
      text: `${meaning}\nWhat to do: ${remedy}`,
      markdown: `${meaning}\n\n**What to do:** ${remedy}`,
    },
  };
}

const levels: Readonly<Record<Severity, Result.level>> = {
  error: "error",
  warning: "warning",
  note: "note",
};

function resultsOf(
  report: FileReport,
  root: string,
  rules: readonly ErrorCode[],
): readonly Result[] {
  const lines = report.source.split(/\r?\n/);
  const seen = new Map<string, number>();
  return report.problems.map((problem) => {
    const hash = fingerprint(problem, lines[problem.line - 1] ?? "");
    const count = (seen.get(hash) ?? 0) + 1;
    seen.set(hash, count);
    return {
      ruleId: problem.code,
      ruleIndex: rules.indexOf(problem.code),
      level: levels[problem.severity],
      message: { text: sentences(problem) },
      locations: [location(report, root, problem)],
      partialFingerprints: { primaryLocationLineHash: `${hash}:${count}` },
    };
  });
}

/** Stays the same when lines above it are added or removed: what is wrong, and the text of its line. */
function fingerprint({ code, message }: Problem, line: string): string {
  const text = JSON.stringify([code, message, line.trim()]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function notifications(report: FileReport, root: string): readonly Notification[] {
  return report.problems.map((problem) => ({
    level: "error",
    message: { text: sentences(problem) },
    locations: [location(report, root, problem)],
  }));
}

function sentences({ message, hint }: Problem): string {
  return quoteSentence(hint === "" ? message : `${message}. ${hint}`);
}

function location(report: FileReport, root: string, { line, column }: Problem): Location {
  return {
    physicalLocation: {
      artifactLocation: artifact(fileLocation(report, root)),
      ...(line > 0 ? { region: { startLine: line, startColumn: Math.max(column, 1) } } : {}),
    },
  };
}

function artifact(file: string | undefined) {
  if (file === undefined) return { uri: "stdin" };
  if (file.startsWith("/")) return { uri: pathToFileURL(file).href };
  return { uri: file.toWellFormed().split("/").map(encodeURIComponent).join("/"), uriBaseId: base };
}
