// SPDX-License-Identifier: Apache-2.0

export interface PlainPolicy {
  readonly name: string;
  /** A kind of our own for what TracingPolicy lacks. */
  readonly kind?: "TracingPolicy" | "GuardPolicy";
  /** Files whose path starts with this. */
  readonly prefix?: string;
  /** Files whose path ends with this. */
  readonly postfix?: string;
  /** More filters, such as `matchBinaries: […]`. */
  readonly filters?: readonly string[];
  /** Lines below `matchActions:`, such as "- action: Sigkill"; none: only the event. */
  readonly actions?: readonly string[];
  /** Lines of the hook, such as `message: "x"`. */
  readonly hook?: readonly string[];
}

/** A policy on writes to files. */
export function plainPolicy(policy: PlainPolicy): string {
  const { name, prefix, postfix, filters = [], actions = [], hook = [] } = policy;
  const { kind = "TracingPolicy" } = policy;
  return [
    `apiVersion: ${kind === "TracingPolicy" ? "cilium.io" : "gander.dev"}/v1alpha1`,
    `kind: ${kind}`,
    "metadata:",
    `  name: ${name}`,
    "spec:",
    "  kprobes:",
    "  - call: security_file_permission",
    "    syscall: false",
    ...hook.map((line) => `    ${line}`),
    "    args:",
    "    - index: 0",
    "      type: file",
    "    - index: 1",
    "      type: int",
    "    selectors:",
    "    - matchArgs:",
    "      - index: 0",
    `        operator: ${postfix === undefined ? "Prefix" : "Postfix"}`,
    `        values: [${JSON.stringify(postfix ?? prefix ?? "/")}]`,
    "      - index: 1",
    "        operator: Equal",
    '        values: ["2"]',
    ...filters.map((line) => `      ${line}`),
    ...(actions.length > 0 ? ["      matchActions:"] : []),
    ...actions.map((line) => `      ${line}`),
    "",
  ].join("\n");
}
