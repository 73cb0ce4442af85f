// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import {
  actionsByName,
  type HookKind,
  hookKindNames,
  hookKinds,
  hookSections,
} from "@gander/crd-schemas";
import { type CompiledHook, type CompiledPolicy, eachFunction } from "../compiled-policy.ts";
import { encodePolicy } from "../content/encode-policy.ts";
import { enforces, overrides } from "../kernel-check/hook-traits.ts";
import { type EventBudget, parseEventBudget } from "../language/event-budget.ts";
import type { ProgramPlace } from "../language/program-place.ts";
import { limits } from "../limits.ts";
import { type LooseSpec, wasRefused } from "../loose.ts";
import { filesOfHooks, functionsOfHooks } from "../policy-files.ts";
import type { Scope } from "../scope.ts";
import { filtersOf, setsOfHooks } from "../sets/resolve-sets.ts";
import { isClusterSet } from "../sets/set-reference.ts";
import { segmentsOf } from "../sets/set-uses.ts";
import { compileEnforcers } from "./compile-enforcers.ts";
import { compileKProbe, compileLsmHook, compileTracepoint } from "./compile-hook.ts";
import { compileUprobe } from "./compile-uprobe.ts";
import { compileUsdt } from "./compile-usdt.ts";
import {
  choosesHost,
  choosesPods,
  compileLabelSelector,
  compileWorkloads,
  isForHost,
} from "./compile-workloads.ts";
import { readLists } from "./function-lists.ts";
import { loaderHook } from "./loader-hook.ts";
import { actionsOfSpec, selectorsOfSpec } from "./selectors-of-spec.ts";
import { checkTrackedSockets } from "./tracked-sockets.ts";

/** The name and namespace that identify the policy. */
export type PolicyName = {
  readonly name: string;
  readonly namespace: string;
  readonly namespaced: boolean;
  /** It is of a kind of our own, whose filters can name sets. */
  readonly isGuard: boolean;
};

/** Checks what the schema cannot express, and compiles. The result is valid only if no error was reported. */
export function compilePolicy(
  spec: LooseSpec,
  scope: Scope,
  { name, namespace, namespaced, isGuard }: PolicyName,
): CompiledPolicy {
  const { mode: asked, eventBudget } = compileOptions(spec.options, scope.at("options"));
  const hooks = compileHooks(spec, scope, { namespaced, isGuard });
  const workloads = compileWorkloads(spec, scope, namespaced);
  checkTrackedSockets(spec, scope);
  checkFileFilters(hooks, spec, scope, namespaced);
  checkPrograms(hooks, spec, scope, namespaced);
  checkSets(hooks, scope, { namespaced });
  if (namespaced) {
    checkPatterns(hooks, spec, scope);
    checkRequests(spec, scope);
    checkOverrides(hooks, scope);
  }
  const nodeSelector = compileLabelSelector(spec.nodeSelector, scope.at("nodeSelector"));
  const content = {
    mode: hooks.some(enforces) ? asked : ("monitor-only" as const),
    hooks,
    ...(eventBudget ? { eventBudget } : {}),
    ...(workloads ? { workloads } : {}),
    ...(nodeSelector ? { nodeSelector } : {}),
  };
  return { name, namespace, digest: encodePolicy(content).digest, ...content };
}

type Position = Parameters<typeof compileKProbe>[1];
type Compile = (spec: never, position: Position) => CompiledHook;

const compilers: Readonly<Record<Exclude<HookKind, "loader">, Compile>> = {
  kprobe: compileKProbe,
  lsm: compileLsmHook,
  tracepoint: compileTracepoint,
  uprobe: compileUprobe,
  usdt: compileUsdt,
};

function compileHooks(
  spec: LooseSpec,
  scope: Scope,
  { namespaced, isGuard }: Pick<PolicyName, "namespaced" | "isGuard">,
): readonly CompiledHook[] {
  const macros = {
    selectors: spec.selectorsMacros ?? {},
    scope: scope.at("selectorsMacros"),
    areKnown: !wasRefused(spec, "selectorsMacros"),
  };
  const lists = readLists(
    spec.lists ?? (wasRefused(spec, "lists") ? [undefined] : []),
    scope.at("lists"),
  );
  const hasEnforcers = (spec.enforcers ?? []).length > 0 || wasRefused(spec, "enforcers");
  const policyWorkloads = { namespaced, isForHost: isForHost(spec, namespaced) };
  const entries = sections.flatMap(([, name]) => spec[name] ?? []);
  if (isTooMany(entries.length, scope)) return [];
  if (isEmpty(spec))
    scope.error(
      "policy-empty",
      "The policy hooks nothing",
      "Add an entry below kprobes, lsmhooks, tracepoints, uprobes or usdts, or `loader: true`.",
    );
  const hooks = sections.flatMap(([kind, name]) =>
    (spec[name] ?? []).flatMap((hook, index) =>
      hook === undefined
        ? []
        : [
            compilers[kind](hook as never, {
              ...{ scope: scope.at(name, index), index, macros, lists },
              ...{ hasEnforcers, policyWorkloads, isGuard },
            }),
          ],
    ),
  );
  const loader = spec.loader === true ? [loaderHook(scope.at("loader"))] : [];
  const all = [...hooks, ...loader, ...compileEnforcers(spec, scope, { hooks, lists })];
  isTooMany(all.flatMap(eachFunction).length, scope);
  return all;
}

function checkSets(
  hooks: readonly CompiledHook[],
  scope: Scope,
  { namespaced }: Pick<PolicyName, "namespaced">,
): void {
  const count = setsOfHooks(hooks).filter(isClusterSet).length;
  // The operator watches the objects of each of them.
  if (count > limits.clusterSets)
    scope.error(
      "policy-out-of-bounds",
      `The policy names ${count} sets that the operator fills; ${limits.clusterSets} are possible`,
      "Split it into several policies.",
    );
  // Another content of a set is another policy for the kernel.
  if (setsOfHooks(hooks).length > 0 && hooks.flatMap(filtersOf).some(({ on }) => on === "count"))
    scope.error(
      "policy-not-supported",
      "A policy with matchCount cannot name sets: its counts would begin anew whenever one of them changes",
      "Write the values in place of `set:…`.",
    );
  if (namespaced) for (const hook of hooks) refuseSetsOfUnknownTypes(hook, scope);
}

/** What a kernel says of values that don't suit the type it finds would tell the tenant what is in the set. */
function refuseSetsOfUnknownTypes(hook: CompiledHook, scope: Scope): void {
  const typeOf = (arg: number | "return" | undefined) =>
    arg === undefined ? undefined : (arg === "return" ? hook.returnArg : hook.args[arg])?.type;
  for (const filter of filtersOf(hook)) {
    if (filter.on !== "of-sets" || filter.filter.on !== "untyped") continue;
    const { arg, before } = filter.filter;
    if (typeOf(arg) !== "auto" && typeOf(before) !== "auto") continue;
    scope
      .at(...segmentsOf(filter.path).slice(scope.path.length), "values")
      .error(
        "policy-rule",
        "A policy of a namespace cannot name a set where it leaves the type to the kernel",
        "Write the `type` of the argument.",
      );
  }
}

function isTooMany(count: number, scope: Scope): boolean {
  if (count <= limits.hooks) return false;
  scope.error(
    "policy-out-of-bounds",
    `The policy has ${count} hooks; ${limits.hooks} are possible`,
    "Split it into several policies.",
  );
  return true;
}

const sections = hookKindNames.flatMap((kind) =>
  kind === "loader" ? [] : hookKinds[kind].sections.map((name) => [kind, name] as const),
);

function isEmpty(spec: LooseSpec): boolean {
  return (
    spec.loader !== true &&
    !wasRefused(spec, "loader") &&
    hookSections.every((name) => !wasRefused(spec, name) && (spec[name] ?? []).length === 0)
  );
}

/** Options about how a hook is attached, which a policy cannot choose here: name → why it has no effect. */
const withoutEffect: Readonly<Record<string, string>> = {
  "disable-kprobe-multi": "Each hook is attached in the way that its kernel does best.",
  "disable-uprobe-multi": "Each hook is attached in the way that its kernel does best.",
  "override-method": "Calls are denied in the way that the kernel does best.",
  "sleepable-preload-size": "Nothing needs to be loaded beforehand.",
};

const optionNames = ["policy-mode", "event-budget", ...Object.keys(withoutEffect)];

type Options = { readonly mode: "enforce" | "monitor"; readonly eventBudget?: EventBudget };

/** What the policy requests. */
function compileOptions(options: LooseSpec["options"], scope: Scope): Options {
  let mode: Options["mode"] = "enforce";
  let eventBudget: EventBudget | undefined;
  const seen = new Set<string>();
  for (const [i, option] of (options ?? []).entries()) {
    if (!option) continue;
    const place = scope.at(i);
    if (seen.has(option.name))
      place
        .at("name")
        .error(
          "policy-option",
          `The option "${option.name}" is there twice`,
          "Remove one of the two.",
        );
    seen.add(option.name);
    const why = Object.hasOwn(withoutEffect, option.name) ? withoutEffect[option.name] : undefined;
    if (why !== undefined) {
      place.at("name").note("policy-option", `The option "${option.name}" has no effect here`, why);
    } else if (option.name === "event-budget") {
      const budget = parseEventBudget(option.value ?? "");
      if ("ok" in budget) eventBudget = budget.ok;
      else place.at("value").error("policy-bad-value", budget.wrong, budget.hint);
    } else if (option.name !== "policy-mode") {
      const near = nearestName(option.name, optionNames);
      place
        .at("name")
        .error(
          "policy-option",
          `There is no option "${option.name.slice(0, 80)}"`,
          near === undefined ? `Possible: ${optionNames.join(", ")}.` : `Did you mean "${near}"?`,
        );
    } else if (option.value === "enforce" || option.value === "monitor") {
      mode = option.value;
    } else {
      place
        .at("value")
        .error(
          "policy-unknown-value",
          `policy-mode cannot be "${(option.value ?? "").slice(0, 80)}"`,
          "Write enforce or monitor.",
        );
    }
  }
  return { mode, ...(eventBudget ? { eventBudget } : {}) };
}

/** Paths are resolved on the host; in a pod, the same path leads to another file. */
function checkFileFilters(
  hooks: readonly CompiledHook[],
  spec: LooseSpec,
  scope: Scope,
  namespaced: boolean,
): void {
  if (filesOfHooks(hooks).size === 0) return;
  const why = "files are looked up on the host, and those of a pod are others";
  const hint = "Remove `identity: file`, or write a policy for the whole node.";
  for (const field of ["podSelector", "containerSelector"] as const) {
    if (spec[field] === undefined) continue;
    scope
      .at(field)
      .onKey.error("policy-rule", `${field} cannot be used with \`identity: file\`: ${why}`, hint);
  }
  if (!namespaced) return;
  for (const { selector, place } of selectorsOfSpec(spec, scope))
    for (const [i, filter] of (selector?.matchBinaries ?? []).entries())
      if (filter?.identity === "file")
        place
          .at("matchBinaries", i, "identity")
          .onKey.error(
            "policy-rule",
            `A namespaced policy cannot use \`identity: file\`: ${why}`,
            hint,
          );
}

/** Of lists that hooks use. */
function checkPatterns(hooks: readonly CompiledHook[], spec: LooseSpec, scope: Scope): void {
  const used = new Set(
    hooks.flatMap(({ generated, target }) => (generated?.by === "pattern" ? [target] : [])),
  );
  for (const [i, list] of (spec.lists ?? []).entries())
    if (list !== undefined && used.has(`list:${list.name}`))
      scope
        .at("lists", i, "pattern")
        .onKey.error(
          "policy-rule",
          "A namespaced policy cannot hook functions by a pattern: it would slow down the whole node",
          "Name the functions in the list, or write a policy for the whole node.",
        );
}

/** The sensor's requests come from the node, whose network a tenant must not use. */
function checkRequests(spec: LooseSpec, scope: Scope): void {
  for (const { action, place } of actionsOfSpec(spec, scope))
    if (action && actionsByName.get(action.action)?.requests !== undefined)
      place
        .at("action")
        .error(
          "policy-rule",
          `A namespaced policy cannot have ${action.action}: the request would come from the node`,
          "Post the event, and let a consumer of events make the request.",
        );
}

/** A tenant's policy would change what code does that other people have written, in a file of the node. */
function checkOverrides(hooks: readonly CompiledHook[], scope: Scope): void {
  for (const [i, hook] of hooks.filter(({ kind }) => kind === "uprobe").entries())
    if (overrides(hook))
      scope
        .at("uprobes", i, "selectors")
        .onKey.error(
          "policy-rule",
          "A namespaced policy cannot have Override at a function of a program: it would change what other people's code does",
          "Use Sigkill or Signal, or write a policy for the whole node.",
        );
}

/**
 * Programs are hooked in the node's files, whoever runs them. So somebody with rights in one namespace must not
 * name places that are neither functions nor the file's own static probes: there, a probe makes every program
 * crash. Nor counters, which are raised in the memory of each.
 */
function checkPrograms(
  hooks: readonly CompiledHook[],
  spec: LooseSpec,
  scope: Scope,
  namespaced: boolean,
): void {
  const isForPods = namespaced || (spec.podSelector ?? spec.containerSelector) !== undefined;
  const warned = new Set<string>();
  for (const hook of hooks) {
    const [first, ...more] = functionsOfHooks([hook]);
    if (first === undefined) continue;
    const [, section = "uprobes", index = "0"] = /^spec\.(\w+)\[(\d+)\]/.exec(hook.path) ?? [];
    const place = scope.at(section, Number(index));
    const counts = hook.program?.counters !== undefined;
    if (namespaced && (counts || [first, ...more].some(isAnywhere))) {
      const given = spec.uprobes?.[Number(index)];
      const fields = ["offsets", "addrs", "refCtrOffsets"] as const;
      const field = fields.find((name) => given?.[name] !== undefined);
      place
        .at(field ?? "symbols")
        .onKey.error(
          "policy-rule",
          "A namespaced policy can hook programs only at functions: elsewhere, programs of the whole node could crash",
          "Name functions by `symbols`, without an offset and without refCtrOffsets, or write a policy for the whole node.",
        );
    }
    if (warned.has(first.path) || !(isForPods || isForPodsAlone(hook))) continue;
    warned.add(first.path);
    place
      .at("path")
      .warning(
        "policy-rule",
        `${first.path.slice(0, 80)} is a file of the node; what a pod has at that path is another file, which is not hooked`,
        "Write the path by which the node has the pod's file, or hook the kernel's functions below kprobes.",
      );
  }
}

/** All its selectors choose pods. */
const isForPodsAlone = ({ selectors }: CompiledHook) =>
  selectors.every(({ filters }) => filters.some((one) => choosesPods(one) && !choosesHost(one)));

/** Neither a function nor a static probe. */
const isAnywhere = ({ by, plus }: ProgramPlace) => by !== "probe" && (by !== "symbol" || plus > 0);
