// SPDX-License-Identifier: Apache-2.0
import { type Io, wantsColor } from "../io.ts";
import { VERSION } from "../version.ts";
import { repositoryRoot } from "./file-location.ts";
import type { FailOn, FileReport } from "./file-report.ts";
import { githubReport } from "./report-github.ts";
import { jsonReport } from "./report-json.ts";
import { junitReport } from "./report-junit.ts";
import { sarifReport } from "./report-sarif.ts";
import { textReport } from "./report-text.ts";

type ReportFormat = (reports: readonly FileReport[], options: ReportOptions) => string;

type ReportOptions = {
  readonly io: Io;
  readonly failOn: FailOn;
  readonly quiet: boolean;
};

/** What `gander policy check -o` can write. */
export const reportFormats: Readonly<Record<string, ReportFormat>> = {
  text: (reports, { io, failOn, quiet }) =>
    textReport(reports, { quiet, failOn, color: wantsColor(io, "auto") }),
  json: (reports, { failOn }) => jsonReport(reports, failOn),
  github: (reports, { io }) => githubReport(reports, repositoryRoot(io.env)),
  sarif: (reports, { io }) =>
    sarifReport(reports, { root: repositoryRoot(io.env), version: VERSION }),
  junit: (reports, { io, failOn }) =>
    junitReport(reports, { root: repositoryRoot(io.env), failOn }),
};
