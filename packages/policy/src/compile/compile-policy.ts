// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook, CompiledPolicy } from "../compiled-policy.ts";
import { digestOf } from "../digest.ts";
import { enforces } from "../kernel-check/hook-traits.ts";
import { limits } from "../limits.ts";
import type { LooseSpec } from "../loose.ts";
import type { Scope } from "../scope.ts";
import { checkFileFilters } from "./check-file-filters.ts";
import { compileKProbe, compileLsmHook, compileTracepoint } from "./compile-hook.ts";
import { compileOptions } from "./compile-options.ts";
import { compileLabelSelector, compileWorkloads } from "./compile-workloads.ts";
import { refuseFields } from "./unsupported.ts";

/** Name and namespace as they identify the policy. */
export type PolicyName = {
  readonly name: string;
  readonly namespace: string;
  readonly namespaced: boolean;
};

/** Checks what the schema cannot say, and compiles. The result is only good if nothing was reported as an error. */
export function compilePolicy(
  spec: LooseSpec,
  scope: Scope,
  { name, namespace, namespaced }: PolicyName,
): CompiledPolicy {
  refuseFields(spec, scope, unsupportedSections);
  const asked = compileOptions(spec.options, scope.at("options"));
  const hooks = compileHooks(spec, scope);
  const workloads = compileWorkloads(spec, scope, namespaced);
  checkFileFilters(hooks, spec, scope, namespaced);
  const nodeSelector = compileLabelSelector(spec.nodeSelector, scope.at("nodeSelector"));
  const content = {
    mode: hooks.some(enforces) ? asked : ("monitor-only" as const),
    hooks,
    ...(workloads ? { workloads } : {}),
    ...(nodeSelector ? { nodeSelector } : {}),
  };
  return { name, namespace, digest: digestOf(content), ...content };
}

const unsupportedSections = {
  uprobes: "Leave the section out; kprobes, lsmhooks and tracepoints are supported.",
  usdts: "Leave the section out; kprobes, lsmhooks and tracepoints are supported.",
  fentries:
    "Write the entries under kprobes with `syscall: false`: they are attached by BPF trampolines wherever the kernel can.",
  loader: "Hook security_mmap_file under kprobes for files that are mapped.",
  enforcers: "Use Override or Sigkill at a `security_…` function or an lsm hook.",
  lists: "Write one entry of kprobes for each function.",
} as const;

function compileHooks(spec: LooseSpec, scope: Scope): readonly CompiledHook[] {
  const macros = { selectors: spec.selectorsMacros ?? {}, scope: scope.at("selectorsMacros") };
  const section = <T>(
    name: "kprobes" | "lsmhooks" | "tracepoints",
    specs: readonly (T | undefined)[],
    compile: (
      spec: T,
      position: { scope: Scope; index: number; macros: typeof macros },
    ) => CompiledHook,
  ) =>
    specs.flatMap((hook, index) =>
      hook === undefined ? [] : [compile(hook, { scope: scope.at(name, index), index, macros })],
    );
  const { kprobes = [], lsmhooks = [], tracepoints = [] } = spec;
  const count = kprobes.length + lsmhooks.length + tracepoints.length;
  if (count > limits.hooks) {
    scope.error(
      "policy-out-of-bounds",
      `The policy has ${count} hooks; ${limits.hooks} are possible`,
      "Split it into several policies.",
    );
    return [];
  }
  if (isEmpty(spec))
    scope.error(
      "policy-empty",
      "The policy hooks nothing",
      "Add an entry below kprobes, lsmhooks or tracepoints.",
    );
  return [
    ...section("kprobes", kprobes, compileKProbe),
    ...section("lsmhooks", lsmhooks, compileLsmHook),
    ...section("tracepoints", tracepoints, compileTracepoint),
  ];
}

function isEmpty(spec: LooseSpec): boolean {
  const sections = [
    spec.kprobes,
    spec.lsmhooks,
    spec.tracepoints,
    spec.uprobes,
    spec.usdts,
    spec.fentries,
  ];
  return (
    spec.loader !== true &&
    sections.every((section) => section === undefined || section.length === 0)
  );
}
