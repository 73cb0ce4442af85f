// SPDX-License-Identifier: Apache-2.0

export interface PlainPolicy {
  readonly name: string;
  /** Files below this prefix. */
  readonly prefix: string;
  /** Lines below `matchActions:`, such as "- action: Sigkill"; none: the event alone. */
  readonly actions?: readonly string[];
  /** Lines of the hook, such as `message: "x"`. */
  readonly hook?: readonly string[];
}

/** A policy on writes below a prefix. */
export function plainPolicy({ name, prefix, actions = [], hook = [] }: PlainPolicy): string {
  return [
    "apiVersion: cilium.io/v1alpha1",
    "kind: TracingPolicy",
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
    "        operator: Prefix",
    `        values: [${JSON.stringify(prefix)}]`,
    "      - index: 1",
    "        operator: Equal",
    '        values: ["2"]',
    ...(actions.length > 0 ? ["      matchActions:"] : []),
    ...actions.map((line) => `      ${line}`),
    "",
  ].join("\n");
}
