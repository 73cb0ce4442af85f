// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook, CompiledPolicy } from "@gander/policy";
import type { InstalledRule } from "../link/planned-rule.ts";
import type { InstalledFuse } from "./fuses/installed-fuse.ts";
import type { PolicyKey } from "./policy-state.ts";

/** A policy on this node: its hooks are attached and its counters allocated. Plain data. */
export type InstalledPolicy = {
  readonly key: PolicyKey;
  readonly id: number;
  readonly revision: number;
  readonly compiled: CompiledPolicy;
  readonly mode: CompiledPolicy["mode"];
  readonly enabled: boolean;
  /** Index of its event budget in the kernel. */
  readonly budget: number;
  /** Absent: it has none. */
  readonly fuse?: InstalledFuse;
  readonly warnings: readonly string[];
  /** What its exceptions do not do; absent in manifests of older sensors. */
  readonly remarks?: readonly string[];
  readonly hooks: readonly InstalledHook[];
};

export type InstalledHook = {
  readonly hook: CompiledHook;
  readonly rules: readonly InstalledRule[];
  /** Why the hook isn't attached although the policy runs; otherwise empty. */
  readonly missing: string;
};

export function keyText({ name, namespace, origin, uid }: PolicyKey): string {
  if (origin === "operator") return `operator/${uid}`;
  return `${origin}/${namespace}/${name}`;
}

/** All rules of a policy that are active now. */
export function activeRules({ enabled, mode, hooks }: InstalledPolicy): readonly InstalledRule[] {
  if (!enabled) return [];
  return hooks.flatMap(({ rules }) =>
    rules.filter(({ planned }) => mode === "enforce" || !planned.onlyWhenEnforcing),
  );
}

export function allRules({ hooks }: Pick<InstalledPolicy, "hooks">): readonly InstalledRule[] {
  return hooks.flatMap(({ rules }) => rules);
}

/** Whether it applies to processes outside of pods. A policy not of the operator applies to everything. */
export function isForHost({ key, compiled }: Pick<InstalledPolicy, "key" | "compiled">): boolean {
  const { namespace, workloads } = compiled;
  return key.origin !== "operator" || (namespace === "" && (workloads?.host ?? true));
}

/** Whether it applies to every pod, even one of which nothing is known. */
export function isForAll({ key, compiled }: Pick<InstalledPolicy, "key" | "compiled">): boolean {
  const { namespace, workloads } = compiled;
  return key.origin !== "operator" || (namespace === "" && workloads === undefined);
}
