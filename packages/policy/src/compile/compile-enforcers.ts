// SPDX-License-Identifier: Apache-2.0
import type { CompiledAction, CompiledHook, CompiledSelector } from "../compiled-policy.ts";
import type { LooseSpec } from "../loose.ts";
import { pathText, type Scope } from "../scope.ts";
import type { FunctionList, FunctionLists } from "./function-lists.ts";
import { readFunction, syscallNamed } from "./function-name.ts";
import { actionsOfSpec } from "./selectors-of-spec.ts";

type Policy = {
  /** The hooks that may notify. */
  readonly hooks: readonly CompiledHook[];
  readonly lists: FunctionLists;
};

/**
 * Each call of `enforcers` becomes a hook that stops what NotifyEnforcer has marked. They come after the hooks that
 * notify: at the same function, a call is marked before it is to be stopped.
 */
export function compileEnforcers(
  spec: LooseSpec,
  scope: Scope,
  { hooks, lists }: Policy,
): readonly CompiledHook[] {
  const { enforcers = [] } = spec;
  if (enforcers.length === 0) return [];
  // An action that was refused has an error of its own.
  const notifies = ({ action }: { readonly action: { readonly action: string } | undefined }) =>
    action === undefined || action.action === "NotifyEnforcer";
  if (![...actionsOfSpec(spec, scope)].some(notifies))
    scope
      .at("enforcers")
      .onKey.error(
        "policy-rule",
        "The enforcers have nothing to do: no selector has the action NotifyEnforcer",
        "Add it to a selector, with argError or argSig, or remove the enforcers.",
      );
  const selectors = selectorsOf(hooks);
  const known = new Set<string>();
  for (const [i, enforcer] of enforcers.entries())
    if (enforcer?.calls?.length === 0)
      scope
        .at("enforcers", i, "calls")
        .error(
          "policy-empty",
          "The enforcer has no calls, so nothing is stopped",
          'Add them: `calls: [sys_dup]`, or `calls: ["list:NAME"]`; or remove the entry.',
        );
  return enforcers.flatMap((enforcer, i) =>
    (enforcer?.calls ?? []).flatMap((call, j) => {
      const place = scope.at("enforcers", i, "calls", j);
      const { targets, syscall } = readCall(call, place, lists);
      const [target, ...others] = targets.filter((one) => !known.has(one));
      for (const one of targets) known.add(one);
      if (target === undefined) return [];
      return [
        {
          ...{ kind: "kprobe", target, syscall, raw: false, path: pathText(place.path), index: j },
          ...{ ignoreCallNotFound: false, message: "", tags: [], args: [], selectors },
          ...(others.length > 0 ? { others } : {}),
        } as const,
      ];
    }),
  );
}

function readCall(call: string | undefined, place: Scope, lists: FunctionLists): FunctionList {
  const none = { targets: [], syscall: true };
  if (call === undefined) return none;
  const isList = call.startsWith("list:");
  const syscall = /^(__(x64|ia32|ia32_compat)_)?sys_/.test(call);
  const named = { list: false, hasList: () => false };
  const target = isList ? undefined : readFunction(call, syscall, place, named);
  const found = isList
    ? lists.functions(call.slice("list:".length), place)
    : { targets: target === undefined ? [] : [target], syscall };
  if (found.generated !== undefined) {
    place.error(
      "policy-action",
      "An enforcer cannot stop the calls of a generated list: only the node knows them",
      "Name the calls in a list of type syscalls.",
    );
    return none;
  }
  const other = found.targets.find((one) => !found.syscall && !one.startsWith("security_"));
  if (other === undefined) return found;
  place.error("policy-action", `An enforcer cannot stop ${other}`, hintFor(call, lists));
  return none;
}

function hintFor(call: string, lists: FunctionLists): string {
  if (lists.has(call)) return `Write "list:${call}" for the calls of the list.`;
  const name = syscallNamed(call);
  const possible =
    "The kernel lets only `security_…` functions and system calls (`sys_…`) be stopped.";
  return name === undefined || call.startsWith("list:") ? possible : `Write ${name}. ${possible}`;
}

type Notice = Extract<CompiledAction, { action: "notify-enforcer" }>;

/**
 * One for each way in which the policy stops calls, those that deny first: a call may have several marks. The hook
 * that notifies posts the event.
 */
function selectorsOf(hooks: readonly CompiledHook[]): readonly CompiledSelector[] {
  const notices = hooks
    .flatMap((hook) => hook.selectors)
    .flatMap(({ actions, returnActions }) => [...actions, ...returnActions])
    .filter((action): action is Notice => action.action === "notify-enforcer");
  const distinct = new Map(notices.map((one) => [`${one.error} ${one.signal}`, one]));
  const ordered = [...distinct.values()].sort((a, b) => Number(denies(b)) - Number(denies(a)));
  return ordered.map(({ error, signal }, index) => ({
    index,
    label: "",
    filters: [{ on: "marked", error, signal }],
    returnFilters: [],
    actions: stopping(error, signal),
    returnActions: [],
  }));
}

const SIGKILL = 9;

const denies = ({ error, signal }: Notice): boolean => error !== 0 || signal === SIGKILL;

function stopping(error: number, signal: number): readonly CompiledAction[] {
  return [
    ...(error === 0 ? [] : [{ action: "override", error } as const]),
    ...(signal === 0 || signal === SIGKILL ? [] : [{ action: "signal", signal } as const]),
    ...(signal === SIGKILL ? [{ action: "sigkill" } as const] : []),
    { action: "no-post" },
  ];
}
