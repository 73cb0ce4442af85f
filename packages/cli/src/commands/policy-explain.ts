// SPDX-License-Identifier: Apache-2.0
import { explainPolicy } from "@gander/policy/explain";
import { checkFiles } from "../check/check-files.ts";
import { exitStatus, isGood } from "../check/file-report.ts";
import { textReport } from "../check/report-text.ts";
import { defineCommand } from "../define-command.ts";
import { terminalSafeJson } from "../events/quote.ts";
import { explanationText } from "../explanation-text.ts";

/** `gander policy explain FILE…`: 0 if all could be explained, 1 if one is wrong, 2 if one could not be read. */
export const policyExplain = defineCommand({
  command: "gander policy explain",
  summary:
    "Says in sentences what policies do: which processes they are for, where they hook and how often that is called, what happens when, what a call costs, and what they can't see. Nothing is loaded, and neither root nor a sensor is needed. A file with an error is not explained; its problems go to the standard error.",
  options: {
    output: {
      type: "text",
      default: "text",
      values: ["text", "json"],
      short: "o",
      help: "text is for people, json has one object with all policies.",
      flagOnly: true,
    },
  },
  positionals: {
    placeholder: "FILE…",
    help: "Policy files, directories (read recursively), or patterns such as 'policies/**/*.yaml'; - is the standard input.",
    min: 1,
    max: 10_000,
  },
  examples: [
    "gander policy explain policies/examples/detect-tmp-exec.yaml",
    "gander policy explain -o json policies/",
    "kubectl get tracingpolicy guard-etc -o yaml | gander policy explain -",
  ],
  run: async ({ values, positionals }, io) => {
    const reports = await checkFiles(positionals, io, () => []);
    io.stderr.write(
      textReport(
        reports.filter((report) => !isGood(report)),
        { quiet: true, color: false, failOn: "error" },
      ),
    );
    const explained = reports.flatMap(({ file, policies }) =>
      policies.map(({ compiled, named }) => ({ file, ...explainPolicy(compiled, named) })),
    );
    io.stdout.write(
      values.output === "json"
        ? `${terminalSafeJson(JSON.stringify({ policies: explained }))}\n`
        : explained.map(explanationText).join("\n"),
    );
    return exitStatus(reports, "error");
  },
});
