// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Problem, Result } from "@gander/base";
import {
  type CompiledHook,
  type CompiledPolicy,
  describeHookPoint,
  eachFunction,
  functionNamesOf,
  type HookPoint,
  hookPointKey,
  type Refusal,
  type TypedHook,
} from "@gander/policy";
import { featuresOfRule } from "../link/features.ts";
import { LinkLimitError } from "../link/link-limit-error.ts";
import type { InstalledRule, PlannedRule } from "../link/planned-rule.ts";
import { type AttachPlan, planHook } from "../plan/attach-plan.ts";
import { type InstalledHook, type InstalledPolicy, keyText } from "./installed-policy.ts";
import type { Installed, KernelTables } from "./kernel-tables.ts";
import { policyProblem } from "./policy-problem.ts";
import type { PolicyKey } from "./policy-state.ts";

export type NewPolicy = {
  readonly key: PolicyKey;
  readonly compiled: CompiledPolicy;
  readonly warnings: readonly string[];
  /** What its exceptions do not do; may change while the policy is the same. */
  readonly remarks?: readonly string[];
  /** Replaces the count of versions. */
  readonly revision?: number;
  /** Overrides the policy's own. */
  readonly mode?: "enforce" | "monitor";
};

/** Attaches hooks for policies and allocates their numbers; puts nothing in force yet. */
export interface Installer {
  /**
   * Looks up everything that these policies will need, and attaches it one place at a time: attaching takes long,
   * and events are read and clients answered in between.
   */
  prepare(policies: readonly CompiledPolicy[]): Promise<void>;
  /** The policies with this one added or replaced; the same map if it is already installed unchanged. */
  install(policy: NewPolicy, installed: Installed): Result<Installed>;
  /** Whether a program that it hooks has been replaced by one that can be hooked. */
  isOutdated(policy: InstalledPolicy): boolean;
  /** The policies with this one attached anew, as the files of the node are now. */
  installAgain(policy: InstalledPolicy, installed: Installed): Result<Installed>;
}

export function createInstaller(tables: KernelTables): Installer {
  const { facts } = tables.kernel;
  // Made by `prepare`, consumed by `install`: facts may have changed when a policy is added again.
  const plans: Plans = new Map();
  return {
    async prepare(policies) {
      const byHook = new Map(
        policies.flatMap((policy) =>
          policy.hooks.flatMap(eachFunction).map((hook) => [hook, policy] as const),
        ),
      );
      const hooks = [...byHook.keys()];
      // Whatever fails here fails again in `install`, for one policy alone, which says why.
      attempt(() => facts.prefetch(hooks.flatMap(functionNamesOf)));
      plans.clear();
      for (const hook of hooks) {
        await turn();
        attempt(() => plans.set(hook, planHook(hook, facts)));
      }
      const rules = [...plans].flatMap(([hook, { rules = [] }]) =>
        rules.map((rule) => ({ rule, hasFuse: hasFuse(byHook.get(hook), tables) })),
      );
      const wanted = featuresByPoint(rules);
      attempt(() => tables.kernel.prepare(wanted.map(({ point }) => point)));
      for (const { point, features } of wanted) {
        await turn();
        tables.detachUnusedLater();
        attempt(() => tables.kernel.attach(point, features));
      }
    },
    install(policy, installed) {
      const { key, compiled } = policy;
      const before = installed.get(keyText(key));
      const mode = modeOf(policy);
      if (before !== undefined && before.compiled.digest === compiled.digest) {
        if (tables.fuses.isCurrent(before, compiled)) return unchanged(policy, before, installed);
        const next = { ...before, compiled, ...(policy.revision && { revision: policy.revision }) };
        return this.installAgain(policy.revision ? { ...next, mode } : next, installed);
      }
      const attached = attachHooks(policy, { key, tables, plans });
      if (attached.problems !== undefined) return attached;
      const next: InstalledPolicy = {
        key,
        id: before?.id ?? tables.nextPolicyId(),
        revision: policy.revision ?? (before?.revision ?? 0) + 1,
        compiled,
        mode,
        enabled: before?.enabled ?? true,
        remarks: policy.remarks ?? [],
        budget: tables.takeBudget(compiled),
        ...fuseOf({ key, compiled }, before, tables),
        ...attached.value,
      };
      return { value: new Map(installed).set(keyText(key), next) };
    },
    isOutdated: ({ hooks }) => hooks.some((hook) => isReplaced(hook, tables)),
    installAgain(policy, installed) {
      const { key } = policy;
      const attached = attachHooks(policy, { key, tables, plans });
      if (attached.problems !== undefined) return attached;
      const hooks = withCountsOf(policy.hooks, attached.value.hooks, tables.rules);
      // Otherwise counts begin anew, as those of another version of the policy do.
      const budget = hooks === undefined ? tables.takeBudget(policy.compiled) : policy.budget;
      const { fuse: _, ...rest } = policy;
      const fuse = fuseOf(policy, policy, tables);
      const next = { ...rest, budget, ...fuse, ...attached.value, ...(hooks && { hooks }) };
      return { value: new Map(installed).set(keyText(key), next) };
    },
  };
}

const hasFuse = (policy: CompiledPolicy | undefined, { fuses }: KernelTables): boolean =>
  policy !== undefined && fuses.wanted(policy) !== undefined;

function fuseOf(
  { key, compiled }: Pick<NewPolicy, "key" | "compiled">,
  before: InstalledPolicy | undefined,
  { fuses }: KernelTables,
): Pick<InstalledPolicy, "fuse"> {
  const fuse = fuses.take(key, compiled, before?.fuse);
  return fuse === undefined ? {} : { fuse };
}

/** A version with the same content: another number, mode, re-arming, or other remarks. */
function unchanged(
  policy: NewPolicy,
  before: InstalledPolicy,
  installed: Installed,
): Result<Installed> {
  const { key, compiled, revision = before.revision } = policy;
  const mode = policy.revision === undefined ? before.mode : modeOf(policy);
  const isRearmed = compiled.fuseRearmed !== before.compiled.fuseRearmed;
  // Those of policies of the operator are the operator's.
  const said = policy.revision === undefined ? policy.remarks : before.remarks;
  const remarks = said ?? [];
  const isSaid = remarks.join() === (before.remarks ?? []).join();
  if (revision === before.revision && mode === before.mode && !isRearmed && isSaid)
    return { value: installed };
  const content = isRearmed ? compiled : before.compiled;
  const next = { ...before, compiled: content, revision, mode, remarks };
  return { value: new Map(installed).set(keyText(key), next) };
}

/** Each place once, with the features that all rules there need: so its program is loaded once. */
function featuresByPoint(
  rules: readonly { readonly rule: PlannedRule; readonly hasFuse: boolean }[],
) {
  const wanted = new Map<string, { readonly point: HookPoint; readonly features: number }>();
  for (const { rule, hasFuse } of rules) {
    const { point } = rule;
    const before = wanted.get(hookPointKey(point))?.features ?? 0;
    // What can't be linked is refused by `install`.
    attempt(() =>
      wanted.set(hookPointKey(point), {
        point,
        features: before | featuresOfRule(rule, { hasFuse }),
      }),
    );
  }
  return [...wanted.values()];
}

function attempt(work: () => unknown): void {
  try {
    work();
  } catch {
    // The caller says where it is reported.
  }
}

function isReplaced({ hook, rules }: InstalledHook, { kernel }: KernelTables): boolean {
  if (hook.program === undefined) return false;
  const keysOf = (of: readonly PlannedRule[]) => of.map(({ point }) => hookPointKey(point)).join();
  const now = planHook(hook, kernel.facts).rules;
  return now !== undefined && keysOf(now) !== keysOf(rules.map(({ planned }) => planned));
}

/**
 * The hooks with the numbers of the earlier rules, whose counts continue: who may write a hooked file must not be able
 * to hide what the policy has counted. Undefined: there are other rules now.
 */
function withCountsOf(
  before: readonly InstalledHook[],
  now: readonly InstalledHook[],
  rules: KernelTables["rules"],
): InstalledHook[] | undefined {
  const earlier = before.flatMap((hook) => hook.rules);
  const later = now.flatMap((hook) => hook.rules);
  const meaningOf = ({ id, planned }: InstalledRule) => {
    const { file: _file, probe: _probe, ...point } = planned.point;
    return { ...planned, point, info: { ...rules.get(id), id: 0 } };
  };
  const isSame =
    earlier.length === later.length &&
    earlier.every((rule, i) => {
      const successor = later[i];
      return successor && isDeepStrictEqual(meaningOf(rule), meaningOf(successor));
    });
  if (!isSame) return undefined;
  let next = 0;
  const continued = (rule: InstalledRule): InstalledRule => {
    const { id, counters } = earlier[next++] ?? rule;
    return { ...rule, id, counters };
  };
  return now.map((hook) => ({ ...hook, rules: hook.rules.map(continued) }));
}

function attachHooks(
  { compiled, warnings: before }: Pick<NewPolicy, "compiled" | "warnings">,
  where: Omit<Place, "hasFuse">,
): Result<Pick<InstalledPolicy, "hooks" | "warnings">> {
  const place = { ...where, hasFuse: hasFuse(compiled, where.tables) };
  const problems: Problem[] = [];
  const ofPrograms = compiled.hooks.filter(({ program }) => program !== undefined);
  // Those on an earlier file are outdated.
  const warnings = before.filter(
    (text) => !ofPrograms.some(({ path }) => text.startsWith(`${path}: `)),
  );
  const hooks = compiled.hooks
    .flatMap(eachFunction)
    .map((hook) => installHook(hook, place, { problems, warnings }));
  if (problems.length > 0) return { problems };
  return { value: { hooks, warnings: [...new Set(warnings)] } };
}

/** A policy with nothing to enforce stays monitor-only, whatever mode is set. */
function modeOf({ compiled, mode }: NewPolicy): CompiledPolicy["mode"] {
  return compiled.mode === "monitor-only" ? compiled.mode : (mode ?? compiled.mode);
}

type Findings = { readonly problems: Problem[]; readonly warnings: string[] };

type Plans = Map<CompiledHook, AttachPlan>;
type Place = {
  readonly key: PolicyKey;
  readonly tables: KernelTables;
  readonly plans: Plans;
  readonly hasFuse: boolean;
};

function installHook(hook: CompiledHook, place: Place, findings: Findings): InstalledHook {
  const { key, tables, plans } = place;
  const report = ({ code, message, hint }: Refusal) =>
    void findings.problems.push(
      policyProblem({
        code,
        hint,
        path: hook.path,
        message: `Cannot load policy "${key.name}": ${message}`,
      }),
    );
  const none = { hook, rules: [], missing: "" };
  const plan = plans.get(hook) ?? planHook(hook, tables.kernel.facts);
  plans.delete(hook);
  if (plan.refusals !== undefined) {
    const missing = plan.refusals.every(({ code }) => isIgnored(code, hook));
    if (missing)
      return { ...none, missing: plan.refusals.map(({ message }) => message).join("; ") };
    plan.refusals.forEach(report);
    return none;
  }
  const rules: InstalledRule[] = [];
  for (const planned of plan.rules) {
    const rule = installRule(planned, plan.hook, place);
    if (rule === "plan-again") {
      plans.clear();
      return installHook(hook, place, findings);
    }
    if ("code" in rule) report(rule);
    else rules.push(rule);
  }
  findings.warnings.push(...plan.weaknesses.map((weakness) => `${hook.path}: ${weakness}`));
  return { ...none, hook: plan.hook, rules };
}

/** The policy may run without the hook. */
function isIgnored(code: Refusal["code"], hook: CompiledHook): boolean {
  if (code === "program-digest") return hook.program?.ignoreDigests ?? false;
  return code === "kernel-no-function" && hook.ignoreCallNotFound;
}

/** @returns plan-again: the kernel rejected this plan, and the next plan takes that into account. */
function installRule(
  planned: PlannedRule,
  hook: TypedHook,
  { key, tables, hasFuse }: Place,
): InstalledRule | Refusal | "plan-again" {
  const { kernel, rules, counters } = tables;
  try {
    const hookId = kernel.attach(planned.point, featuresOfRule(planned, { hasFuse }));
    const taken = planned.selectors.map(() => counters.take());
    for (const counter of taken) kernel.clearCount(counter);
    return { id: rules.add(key, hook, planned.point), hookId, planned, counters: taken };
  } catch (error) {
    if (error instanceof LinkLimitError) throw error;
    const { kind, target } = planned.point;
    if (
      (kind === "fentry" || kind === "fexit") &&
      kernel.facts.isTraceable(target) &&
      !isRefusedByVerifier(error)
    ) {
      kernel.facts.forgetTraceable(target);
      return "plan-again";
    }
    const reason = error instanceof Error ? error.message : String(error);
    return {
      code: "kernel-attach",
      message: `cannot attach the ${describeHookPoint(planned.point)}: ${reason}`,
      hint: "",
    };
  }
}

function isRefusedByVerifier(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "VERIFIER";
}
