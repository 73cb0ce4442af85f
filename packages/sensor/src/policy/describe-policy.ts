// SPDX-License-Identifier: Apache-2.0
import { type CompiledHook, describeHookPoint, eachFunction } from "@gander/policy";
import type { InstalledRule } from "../link/planned-rule.ts";
import {
  addPolicyCounts,
  addSelectorCounts,
  countRemarks,
  noPolicyCounts,
  noSelectorCounts,
} from "./counts/counters.ts";
import { exceptionCounts, exceptionFinding } from "./counts/exception-counts.ts";
import { kernelMemoryOf } from "./counts/kernel-memory.ts";
import { countsOfRule } from "./counts/policy-counts.ts";
import { fileRemarks } from "./file-remarks.ts";
import { allRules, type InstalledHook, type InstalledPolicy } from "./installed-policy.ts";
import type { NewPolicy } from "./installer.ts";
import type { KernelTables } from "./kernel-tables.ts";
import type { AttachmentState, HookState, PolicyState, SelectorState } from "./policy-state.ts";

/** The state of a policy that is in force (or disabled), with its current counters. */
export function describePolicy(
  policy: InstalledPolicy,
  error: string,
  tables: KernelTables,
): PolicyState {
  const hooks = policy.hooks.map((hook) => describeHook(hook, tables));
  const { weaknesses, findings } = fileRemarks(policy, tables);
  const exceptions = exceptionCounts(policy, tables);
  const missing = policy.hooks.some((hook) => hook.missing !== "");
  const counters = hooks
    .flatMap(({ attachments }) => attachments.map((attachment) => attachment.counters))
    .reduce(addPolicyCounts, noPolicyCounts);
  const fuse = tables.fuses.report(policy);
  return {
    ...policy.key,
    id: policy.id,
    revision: policy.revision,
    digest: policy.compiled.digest,
    state: !policy.enabled ? "disabled" : missing ? "partially-enabled" : "enabled",
    mode: policy.mode,
    error,
    warnings: [
      ...policy.warnings,
      ...(policy.remarks ?? []),
      ...weaknesses,
      ...loaderRemarks(policy, tables.kernel.mappingProblem()),
      ...tables.remarksOn(policy),
      ...countRemarks(counters),
    ],
    findings: [...findings, ...exceptions.map((one) => exceptionFinding(one, tables.now()))],
    ...(exceptions.length > 0 && { exceptions }),
    hooks,
    counters,
    ...(fuse && { fuse }),
    kernelMemoryBytes: kernelMemoryOf(allRules(policy)),
  };
}

/** The kernel reports mapped files to a sensor, not to its programs: a new one must ask for them again. */
export function loaderRemarks(
  { hooks }: { readonly hooks: readonly { readonly hook: Pick<CompiledHook, "kind" | "path"> }[] },
  problem: string | undefined,
): string[] {
  const loader = hooks.find(({ hook }) => hook.kind === "loader");
  if (loader === undefined || problem === undefined) return [];
  return [
    `${loader.hook.path}: files that are mapped are not reported since this sensor started: ${problem}. It needs CAP_SYS_ADMIN; with that, restart it`,
  ];
}

/** The state of a policy that was never in force. */
export function describeFailed(
  { key, compiled, warnings }: NewPolicy,
  id: number,
  error: string,
): PolicyState {
  return {
    ...key,
    id,
    revision: 0,
    digest: compiled.digest,
    state: "load-error",
    mode: compiled.mode,
    error,
    warnings,
    findings: [],
    hooks: compiled.hooks.flatMap(eachFunction).map((hook) => ({
      ...hookHead({ hook, rules: [], missing: "" }),
      state: "not-loaded",
      attachments: [],
      selectors: [],
    })),
    counters: noPolicyCounts,
    kernelMemoryBytes: 0,
  };
}

function describeHook(installed: InstalledHook, tables: KernelTables): HookState {
  const attachments = installed.rules.map((rule) => describeAttachment(rule, tables));
  const selectors = installed.hook.selectors.map(({ index, label }, i): SelectorState => {
    const counts = installed.rules.map(({ counters }) => tables.kernel.count(counters[i] ?? 0));
    return { index, label, counters: counts.reduce(addSelectorCounts, noSelectorCounts) };
  });
  return { ...hookHead(installed), attachments, selectors };
}

function hookHead({ hook, missing }: InstalledHook) {
  const { path, index, kind, target } = hook;
  const state = missing === "" ? ("loaded" as const) : ("call-not-found" as const);
  const section = /^spec\.(\w+)/.exec(path)?.[1] ?? kind;
  return { path, section, index, kind, target, state, error: missing };
}

function describeAttachment(rule: InstalledRule, tables: KernelTables): AttachmentState {
  return {
    how: describeHookPoint(rule.planned.point),
    counters: countsOfRule(rule, tables),
  };
}
