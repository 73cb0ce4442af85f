// SPDX-License-Identifier: Apache-2.0
import {
  type HookKind,
  hookKindNames,
  hookKinds,
  hookSections,
  unsupportedSections,
} from "@gander/crd-schemas";
import type { CompiledHook, CompiledPolicy } from "../compiled-policy.ts";
import { encodePolicy } from "../content/encode-policy.ts";
import { enforces } from "../kernel-check/hook-traits.ts";
import { limits } from "../limits.ts";
import type { LooseSpec } from "../loose.ts";
import type { Scope } from "../scope.ts";
import { checkFileFilters } from "./check-file-filters.ts";
import { compileKProbe, compileLsmHook, compileTracepoint } from "./compile-hook.ts";
import { compileOptions } from "./compile-options.ts";
import { compileLabelSelector, compileWorkloads } from "./compile-workloads.ts";
import { refuseFields } from "./unsupported.ts";

/** The name and namespace that identify the policy. */
export type PolicyName = {
  readonly name: string;
  readonly namespace: string;
  readonly namespaced: boolean;
};

/** Checks what the schema cannot express, and compiles. The result is valid only if no error was reported. */
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
  return { name, namespace, digest: encodePolicy(content).digest, ...content };
}

type Position = Parameters<typeof compileKProbe>[1];
type Compile = (spec: never, position: Position) => CompiledHook;

const compilers: Readonly<Record<HookKind, Compile>> = {
  kprobe: compileKProbe,
  lsm: compileLsmHook,
  tracepoint: compileTracepoint,
};

function compileHooks(spec: LooseSpec, scope: Scope): readonly CompiledHook[] {
  const macros = { selectors: spec.selectorsMacros ?? {}, scope: scope.at("selectorsMacros") };
  const count = sections.reduce((sum, name) => sum + (spec[name]?.length ?? 0), 0);
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
  return hookKindNames.flatMap((kind) => {
    const name = hookKinds[kind].section;
    return (spec[name] ?? []).flatMap((hook, index) =>
      hook === undefined
        ? []
        : [compilers[kind](hook as never, { scope: scope.at(name, index), index, macros })],
    );
  });
}

const sections = hookKindNames.map((kind) => hookKinds[kind].section);

function isEmpty(spec: LooseSpec): boolean {
  return (
    spec.loader !== true &&
    hookSections.every((name) => spec[name] === undefined || spec[name].length === 0)
  );
}
