// SPDX-License-Identifier: Apache-2.0
import {
  type ArgSpec,
  actionsByName,
  type HookKind,
  hookKinds,
  type SocketActionWord,
} from "@gander/crd-schemas";
import type { CompiledArg, CompiledHook, CompiledSelector } from "../compiled-policy.ts";
import { lsmHookName } from "../kernel-check/lsm-hooks.ts";
import { limits } from "../limits.ts";
import {
  type LooseKProbe,
  type LooseLsmHook,
  type LooseSelector,
  type LooseTracepoint,
  type LooseUprobe,
  wasRefused,
} from "../loose.ts";
import type { Scope } from "../scope.ts";
import { pathText } from "../scope.ts";
import { type ArgHook, checkCount, compileArgs, compileReturnArg } from "./compile-args.ts";
import { checkRegisters, compileData } from "./compile-data.ts";
import {
  compileSelector,
  filterFields,
  type HookContext,
  type SelectorParts,
} from "./compile-selector.ts";
import type { PolicyWorkloads } from "./compile-workloads.ts";
import { cutText } from "./cut-text.ts";
import type { Macros } from "./expand-macros.ts";
import { expandMacros } from "./expand-macros.ts";
import type { FunctionLists } from "./function-lists.ts";
import { isName, readFunction } from "./function-name.ts";

type Hook = LooseKProbe & LooseTracepoint & LooseLsmHook & LooseUprobe;

/** A hook's position in its section, and what it may refer to. */
export type Position = {
  readonly scope: Scope;
  readonly index: number;
  readonly macros: Macros;
  readonly lists: FunctionLists;
  /** The policy has `enforcers`. */
  readonly hasEnforcers: boolean;
  readonly policyWorkloads: PolicyWorkloads;
  readonly isGuard: boolean;
};

export function compileKProbe(spec: LooseKProbe, position: Position): CompiledHook {
  const { scope } = position;
  const { targets, syscall, generated } = kprobeTargets(spec, position);
  if (generated !== undefined) return compileGenerated(spec, position, { generated, syscall });
  // What is possible at the weakest of the functions is possible at all of them.
  const [target = "", ...others] = targets.toSorted((a, b) => denialRank(a) - denialRank(b));
  const hook = compileHook(spec, position, {
    kind: "kprobe",
    target,
    targets,
    syscall,
    raw: false,
    ...readReturn(spec, { kind: "kprobe", syscall }, scope),
    ignoreCallNotFound: spec.ignore?.callNotFound ?? false,
  });
  const whole = withReturnAction(hook, spec, scope.at("returnArgAction"));
  return others.length === 0 ? whole : { ...whole, others };
}

type Generated = Required<Pick<CompiledHook, "generated" | "syscall">>;

/** One entry for functions that the kernel chooses: nothing may depend on which they are. */
function compileGenerated(
  spec: LooseKProbe,
  position: Position,
  { generated, syscall }: Generated,
): CompiledHook {
  const { scope } = position;
  const why = "of a list whose names the kernel has";
  if (spec.return === true)
    scope
      .at("return")
      .onKey.error(
        "policy-not-supported",
        `The return of functions ${why} is not supported yet`,
        "Remove `return`, or write the names of the functions in a list.",
      );
  const hook = compileHook(spec, position, {
    kind: "kprobe",
    target: spec.call ?? "",
    syscall,
    raw: false,
    onReturn: false,
    returnArg: undefined,
    ignoreCallNotFound: spec.ignore?.callNotFound ?? false,
  });
  for (const [i, arg] of hook.args.entries()) {
    const isFixed = arg.type !== "auto" && (arg.resolve === undefined || arg.btfType !== undefined);
    if (isFixed || arg.source !== undefined) continue;
    scope
      .at("args", i)
      .error(
        "policy-rule",
        `The types of arguments of functions ${why} are not known`,
        "Write `type:`, and `btfType:` beside `resolve:`.",
      );
  }
  if (hook.args.length >= limits.args)
    scope
      .at("args")
      .error(
        "policy-out-of-bounds",
        `A hook with functions ${why} can read ${limits.args - 1} values`,
        "Leave one out: events tell the function in its place.",
      );
  checkRegisters({ ...hook, generated }, scope);
  return { ...hook, generated };
}

/** Whether a function's return is reported, and the value that it returns. */
export function readReturn(
  spec: Pick<LooseKProbe, "return" | "returnArg" | "selectors">,
  hook: ArgHook,
  scope: Scope,
): Pick<Essence, "onReturn" | "returnArg"> {
  const { returnArg } = spec;
  const onReturn = spec.return === true && returnArg !== undefined;
  // A filter on it has an error that says the same.
  const isUsed = (spec.selectors ?? []).some(
    (selector) => selector?.matchReturnArgs ?? selector?.matchReturnActions,
  );
  if (spec.return === false && returnArg !== undefined && !isUsed)
    scope
      .at("returnArg")
      .onKey.warning(
        "policy-rule",
        "returnArg has no effect without `return: true`",
        "Add `return: true`, or remove returnArg.",
      );
  return {
    onReturn,
    returnArg: onReturn ? compileReturnArg(returnArg, hook, scope.at("returnArg")) : undefined,
  };
}

/** Functions whose calls can be denied come last. */
const denialRank = (target: string) => (target.startsWith("security_") ? 1 : 0);

export function compileLsmHook(spec: LooseLsmHook, position: Position): CompiledHook {
  const given = spec.hook ?? "";
  const hook = lsmHookName(given.replace(/^bpf_lsm_/, ""));
  if (spec.hook !== undefined) {
    const place = position.scope.at("hook");
    if (hook !== given)
      place.error(
        "policy-bad-name",
        `"${given}" is the name of a function, not of an lsm hook`,
        `Write \`hook: ${hook}\`.`,
      );
    else if (!isName(hook))
      place.error(
        "policy-bad-name",
        `"${given.slice(0, 80)}" cannot be an lsm hook`,
        "Write a name such as file_open.",
      );
  }
  return compileHook(spec, position, {
    kind: "lsm",
    target: hook,
    syscall: false,
    raw: false,
    onReturn: false,
    returnArg: undefined,
    ignoreCallNotFound: false,
  });
}

export function compileTracepoint(spec: LooseTracepoint, position: Position): CompiledHook {
  for (const field of ["subsystem", "event"] as const) {
    const name = spec[field];
    if (name === undefined || isName(name)) continue;
    const hint = name.includes("/")
      ? "Write subsystem and event in their own fields."
      : "Names are in /sys/kernel/tracing/events.";
    position.scope
      .at(field)
      .error("policy-bad-name", `"${name.slice(0, 80)}" cannot be a tracepoint's ${field}`, hint);
  }
  const target = `${spec.subsystem ?? ""}/${spec.event ?? ""}`;
  return compileHook(spec, position, {
    kind: "tracepoint",
    target,
    syscall: false,
    raw: spec.raw ?? false,
    onReturn: false,
    returnArg: undefined,
    ignoreCallNotFound: false,
  });
}

/** The functions that an entry names, and whether they are system calls; none if there was an error. */
function kprobeTargets(
  spec: LooseKProbe,
  { scope, lists }: Position,
): ReturnType<FunctionLists["functions"]> {
  const { call, syscall } = spec;
  // Of what has an error of its own, nothing is known: least of all that it is a system call.
  const none = { targets: [], syscall: false };
  // `syscall` is true by default, so it is absent only if its value was refused.
  if (call === undefined || syscall === undefined) return none;
  const place = scope.at("call");
  const isList = call.startsWith("list:");
  const target = isList
    ? undefined
    : readFunction(call, syscall, place, { list: false, hasList: lists.has });
  const found = isList
    ? lists.functions(call.slice("list:".length), place)
    : { targets: target === undefined ? [] : [target], syscall };
  return found.targets.length > 0 || found.generated !== undefined ? found : none;
}

type Essence = {
  readonly kind: HookKind;
  readonly target: string;
  /** Absent: it alone. */
  readonly targets?: readonly string[];
  readonly syscall: boolean;
  readonly raw: boolean;
  readonly onReturn: boolean;
  readonly returnArg: CompiledArg | undefined;
  readonly ignoreCallNotFound: boolean;
};

export function compileHook(
  spec: Pick<Hook, "args" | "selectors" | "message" | "tags" | "return" | "returnArg"> &
    Pick<LooseKProbe, "data">,
  { scope, index, macros, lists, hasEnforcers, policyWorkloads, isGuard }: Position,
  essence: Essence,
): CompiledHook {
  const { onReturn, returnArg, targets = [essence.target], ...rest } = essence;
  const { args: given = [], data: givenData = [] } = spec;
  // What the schema refused may have declared anything.
  const declared = (field: "args" | "data", specs: readonly (ArgSpec | undefined)[]) =>
    wasRefused(spec, field) ? [undefined] : specs.map((arg) => arg?.index);
  const args = compileArgs(given, scope.at("args"), essence);
  // Of other hooks, all of it was refused.
  const data = hookKinds[essence.kind].data
    ? compileData(givenData, scope.at("data"), essence)
    : givenData.map(() => undefined);
  checkCount(args.length, data.length, scope.at(data.length > args.length ? "data" : "args"));
  const context: HookContext = {
    ...{ ...essence, targets },
    isReturnKnown: isReturnKnown(spec),
    lists,
    ...{ hasEnforcers, policyWorkloads, isGuard },
    ...{ args, declared: declared("args", given) },
    data: { args: data, declared: declared("data", givenData) },
  };
  const hook: CompiledHook = {
    ...rest,
    path: pathText(scope.path),
    index,
    message: messageOf(spec.message, scope.at("message")),
    tags: tagsOf(spec.tags ?? [], scope.at("tags")),
    args: [...args, ...data].filter((arg) => arg !== undefined),
    ...(returnArg ? { returnArg } : {}),
    selectors: compileSelectors(spec.selectors ?? [], scope.at("selectors"), macros, context),
  };
  checkRegisters(hook, scope);
  return hook;
}

/** No error says already that the hook reports no return value. */
function isReturnKnown(spec: Pick<LooseKProbe, "return" | "returnArg">): boolean {
  const isMissing = spec.return === true && spec.returnArg === undefined;
  return !isMissing && !wasRefused(spec, "return") && !wasRefused(spec, "returnArg");
}

const postEverything: CompiledSelector = {
  index: 0,
  label: "",
  filters: [],
  returnFilters: [],
  actions: [],
  returnActions: [],
};

function compileSelectors(
  specs: readonly (LooseSelector | undefined)[],
  scope: Scope,
  macros: Macros,
  context: HookContext,
): readonly CompiledSelector[] {
  if (specs.length > limits.selectors)
    scope.error(
      "policy-out-of-bounds",
      `The hook has ${specs.length} selectors; ${limits.selectors} are possible`,
      "Join selectors that differ in values only.",
    );
  const parts = specs.map((spec, i) => spec && expandMacros(spec, scope.at(i), macros));
  checkSelectors(parts, context);
  const selectors = parts
    .map((part, i) => part && compileSelector(part, i, context))
    .filter((selector) => selector !== undefined);
  return selectors.length > 0 ? selectors : [postEverything];
}

/** Warns of valid but unlikely selectors: one without filters, and those after it. */
function checkSelectors(
  selectors: readonly (SelectorParts | undefined)[],
  { target, policyWorkloads: { isForHost, namespaced } }: HookContext,
): void {
  let everything: number | undefined;
  for (const [i, selector] of selectors.entries()) {
    if (!selector) continue;
    if (everything !== undefined) {
      selector.scope.warning(
        "policy-unreachable",
        `This selector is never reached: selector ${everything} matches every call`,
        "Put it before that one, or remove one of the two.",
      );
      continue;
    }
    const filters = filterFields.filter(
      (field) => selector.fields.has(field) && !isEmpty(selector.fields.get(field)?.value[field]),
    );
    if (selector.doubtful || filters.length > 0) continue;
    everything = i;
    const actions = selector.fields.get("matchActions")?.value.matchActions ?? [];
    const enforces = actions.some(
      (action) => action && actionsByName.get(action.action)?.enforces !== undefined,
    );
    if (i > 0 && enforces) {
      const before = selectors[i - 1];
      const split =
        before && !before.fields.has("matchActions")
          ? " The filters of the selector before it were probably meant to go with these actions."
          : "";
      selector.scope.warning(
        "policy-empty-selector",
        "This selector has no filter, so its actions are done on every call that comes to it",
        `A dash begins a new selector: remove the one in front of matchActions.${split}`,
      );
    } else if (enforces && (isForHost || namespaced)) {
      selector.scope.warning(
        "policy-empty-selector",
        `This selector has no filter, so its actions are done on every call${target === "" ? "" : ` of ${target}`}`,
        "Add a filter, or a podSelector for the whole policy, if that is not meant.",
      );
    } else if (i > 0 && actions.length === 0) {
      selector.scope.warning(
        "policy-empty-selector",
        "This selector has no filter, so it posts every call that comes to it",
        "A dash begins a new selector: remove it, or the whole selector.",
      );
    }
  }
}

/** An empty list of filters, or no workloads. */
const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

function messageOf(text: string | undefined, scope: Scope): string {
  if (text !== undefined && text.length < 2)
    scope.error(
      "policy-out-of-bounds",
      "The message is shorter than 2 characters",
      "Write what the event means, or remove it.",
    );
  return cutText(text ?? "", limits.messageBytes, scope);
}

function tagsOf(tags: readonly (string | undefined)[], scope: Scope): readonly string[] {
  return tags.map((tag = "  ", i) => {
    if (tag.length < 2)
      scope
        .at(i)
        .error(
          "policy-out-of-bounds",
          "A tag is shorter than 2 characters",
          "Write a longer one, or remove it.",
        );
    return cutText(tag, limits.tagBytes, scope.at(i));
  });
}

/** What is done with the socket that the function returns. `Post` was in the language until recently: it names the default. */
function withReturnAction(
  hook: CompiledHook,
  { returnArgAction: name, ...spec }: Pick<LooseKProbe, "return" | "returnArg" | "returnArgAction">,
  scope: Scope,
): CompiledHook {
  if (name === undefined || name === "" || name === "Post") return hook;
  const row = actionsByName.get(name);
  if (row?.form !== "socket") {
    scope.error(
      "policy-unknown-value",
      `returnArgAction cannot be "${name.slice(0, 80)}"`,
      "Write TrackSock or UntrackSock, or remove it; other actions on return belong into matchReturnActions.",
    );
    return hook;
  }
  if (hook.returnArg?.type !== "sock") {
    const isWrong = spec.return === true && hook.returnArg === undefined;
    if (isWrong || !isReturnKnown(spec)) return hook;
    scope.error(
      "policy-rule",
      `${name} needs a function that returns a socket`,
      "Add `return: true` and `returnArg: {index: 0, type: sock}`.",
    );
    return hook;
  }
  const action = { action: row.word as SocketActionWord, socket: "return" } as const;
  const selectors = hook.selectors.map((selector) => ({
    ...selector,
    returnActions: [...selector.returnActions, action],
  }));
  return { ...hook, selectors };
}
