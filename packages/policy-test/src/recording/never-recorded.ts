// SPDX-License-Identifier: Apache-2.0
import type { CompiledFilter, CompiledPolicy } from "@gander/policy";

/** What each kind of filter asks for, for people. */
export const factNames = {
  pid: "process ids (matchPIDs)",
  binary: "the binary (matchBinaries)",
  "parent-binary": "the parent's binary (matchParentBinaries)",
  "ancestor-binary": "binaries of ancestors",
  workloads: "the pod of the process",
  namespace: "namespaces (matchNamespaces)",
  capability: "capabilities (matchCapabilities)",
  process: "properties of the process (matchProcess)",
  "exec-argument": "arguments of the new program (matchExecArgs)",
  "exec-variable": "variables of the new program (matchExecEnv)",
  count: "how many calls came before (matchCount)",
  "namespace-change": "namespaces at the last exec (matchNamespaceChanges)",
  "capability-change": "capabilities at the last exec (matchCapabilityChanges)",
  marked: "what enforcers of the policy do",
} as const;

/** What filters of a policy ask for that no event has, for people: what they decide will be unknown. */
export function neverRecorded({ hooks }: CompiledPolicy): readonly string[] {
  const found = new Set<string>();
  const visit = (filter: CompiledFilter): void => {
    const name = missingOf(filter);
    if (name !== undefined) found.add(name);
    if (filter.on === "any") for (const list of filter.of) for (const one of list) visit(one);
    if (filter.on === "of-sets") visit(filter.filter);
  };
  for (const { selectors } of hooks)
    for (const { filters, returnFilters } of selectors)
      for (const filter of [...filters, ...returnFilters]) visit(filter);
  return [...found];
}

function missingOf(filter: CompiledFilter): string | undefined {
  switch (filter.on) {
    case "namespace":
    case "capability":
    case "exec-argument":
    case "exec-variable":
    case "count":
    case "namespace-change":
    case "capability-change":
    case "marked":
      return factNames[filter.on];
    case "process":
      return filter.property === "InInitTree" ? undefined : factNames.process;
    case "pid":
      return filter.inNamespace && !filter.followForks ? factNames.pid : undefined;
    case "binary":
      return filter.match === "file" ? "the file of the binary (identity: file)" : undefined;
    case "arg":
      return filter.test.op === "origin" ? "the origin of a file" : undefined;
    case "untyped":
      return /Origin/.test(filter.operator) ? "the origin of a file" : undefined;
    default:
      return undefined;
  }
}
