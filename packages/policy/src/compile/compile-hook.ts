// SPDX-License-Identifier: Apache-2.0
import type { HookKind } from "@gander/crd-schemas";
import type { CompiledArg, CompiledHook, CompiledSelector } from "../compiled-policy.ts";
import { limits } from "../limits.ts";
import type { LooseKProbe, LooseLsmHook, LooseSelector, LooseTracepoint } from "../loose.ts";
import type { Scope } from "../scope.ts";
import { pathText } from "../scope.ts";
import { checkSelectors } from "./check-selectors.ts";
import { compileArgs, compileReturnArg } from "./compile-args.ts";
import type { HookContext } from "./compile-selector.ts";
import { compileSelector } from "./compile-selector.ts";
import { cutText } from "./cut-text.ts";
import type { Macros } from "./expand-macros.ts";
import { expandMacros } from "./expand-macros.ts";
import { isName, kprobeTarget } from "./hook-target.ts";
import { refuseFields } from "./unsupported.ts";

type Hook = LooseKProbe & LooseTracepoint & LooseLsmHook;

/** A hook's position in its section. */
type Position = { readonly scope: Scope; readonly index: number; readonly macros: Macros };

export function compileKProbe(spec: LooseKProbe, position: Position): CompiledHook {
  const { scope } = position;
  refuseFields(spec, scope, { data: "Read the value as an argument, or leave it out." });
  const { target, syscall } = kprobeTarget(spec, scope);
  checkReturnArgAction(spec.returnArgAction, scope);
  const wantsReturn = spec.return === true && spec.returnArg !== undefined;
  const returnArg =
    wantsReturn && spec.returnArg
      ? compileReturnArg(spec.returnArg, scope.at("returnArg"))
      : undefined;
  if (spec.return !== true && spec.returnArg !== undefined) {
    scope
      .at("returnArg")
      .onKey.warning(
        "policy-rule",
        "returnArg has no effect without `return: true`",
        "Add `return: true`, or remove returnArg.",
      );
  }
  return compileHook(spec, position, {
    kind: "kprobe",
    target,
    syscall,
    raw: false,
    onReturn: wantsReturn,
    returnArg,
    ignoreCallNotFound: spec.ignore?.callNotFound ?? false,
  });
}

export function compileLsmHook(spec: LooseLsmHook, position: Position): CompiledHook {
  const given = spec.hook ?? "";
  const hook = given.replace(/^(bpf_lsm_|security_)/, "");
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

type Essence = {
  readonly kind: HookKind;
  readonly target: string;
  readonly syscall: boolean;
  readonly raw: boolean;
  readonly onReturn: boolean;
  readonly returnArg: CompiledArg | undefined;
  readonly ignoreCallNotFound: boolean;
};

function compileHook(
  spec: Pick<Hook, "args" | "selectors" | "message" | "tags">,
  { scope, index, macros }: Position,
  essence: Essence,
): CompiledHook {
  const { onReturn, returnArg, ...rest } = essence;
  const given = spec.args ?? [];
  const args = compileArgs(given, scope.at("args"), essence);
  const context: HookContext = { ...essence, args, declared: given.map((arg) => arg?.index) };
  return {
    ...rest,
    path: pathText(scope.path),
    index,
    message: messageOf(spec.message, scope.at("message")),
    tags: tagsOf(spec.tags ?? [], scope.at("tags")),
    args: args.filter((arg) => arg !== undefined),
    ...(returnArg ? { returnArg } : {}),
    selectors: compileSelectors(spec.selectors ?? [], scope.at("selectors"), macros, context),
  };
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

/** `Post` was in the language until recently: it names the default. */
function checkReturnArgAction(action: string | undefined, scope: Scope): void {
  if (action === undefined || action === "" || action === "Post") return;
  const place = scope.at("returnArgAction");
  if (action === "TrackSock" || action === "UntrackSock") {
    place.error(
      "policy-not-supported",
      `returnArgAction ${action} is not supported yet`,
      "Hook a function that runs in the process itself, such as tcp_connect.",
    );
    return;
  }
  place.error(
    "policy-unknown-value",
    `returnArgAction cannot be "${action.slice(0, 80)}"`,
    "Write Post, or remove it; actions on return belong into matchReturnActions.",
  );
}
