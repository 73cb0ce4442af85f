// SPDX-License-Identifier: Apache-2.0

import type { ErrorArea } from "./error-codes.ts";
import { errorCodes } from "./error-codes.ts";

const headings: Readonly<Record<ErrorArea, string>> = {
  yaml: "Reading a policy file",
  policy: "Checking a policy",
  "kernel-check": "A policy on one kernel",
  configuration: "Configuration and command line",
  sensor: "The sensor",
  operator: "The operator",
  client: "The command line client",
  kube: "The Kubernetes API server",
};

/** `docs/reference/errors.md` as it must be. */
export function errorsPage(): string {
  const parts = [
    "# Errors\n\nGenerated from `packages/base/src/error-codes.ts`: change it there, then `pnpm --filter @gander/base generate`.",
  ];
  for (const [area, heading] of Object.entries(headings)) {
    const entries = Object.entries(errorCodes).filter(([, entry]) => entry.area === area);
    if (entries.length === 0) continue;
    parts.push(`## ${heading}`);
    for (const [code, entry] of entries) {
      parts.push(`### ${code}\n\n${entry.meaning}\n\n*What to do:* ${entry.remedy}`);
    }
  }
  return `${parts.join("\n\n")}\n`;
}
