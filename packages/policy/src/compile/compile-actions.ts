// SPDX-License-Identifier: Apache-2.0
import {
  type ActionForm,
  type ActionSpec,
  actionsByName,
  actionsWith,
  hookKinds,
  type PlainActionWord,
  type SocketActionWord,
} from "@gander/crd-schemas";
import type { CompiledAction } from "../compiled-policy.ts";
import { msOfUnit } from "../language/duration.ts";
import { hashHooks } from "../language/hash-hooks.ts";
import { quote } from "../language/values.ts";
import { withoutUserinfo } from "../language/without-userinfo.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";
import type { ActionContext } from "./action-context.ts";
import { compileOverride, isError } from "./compile-override.ts";

/** The actions of a selector; none means post. */
export function compileActions(
  specs: readonly (ActionSpec | undefined)[],
  scope: Scope,
  context: ActionContext,
): readonly CompiledAction[] {
  if (specs.length > limits.actions)
    scope.error(
      "policy-out-of-bounds",
      `There are ${specs.length} actions; ${limits.actions} are possible`,
      "Each action is needed once.",
    );
  const actions: CompiledAction[] = [];
  for (const [i, spec] of specs.entries()) {
    const action = spec && compileAction(spec, scope.at(i), context);
    if (!action) continue;
    const same = actions.some((other) => other.action === action.action);
    if (same && action.action !== "signal")
      scope
        .at(i, "action")
        .error("policy-action", `${spec.action} is there twice`, "Remove one of the two.");
    actions.push(action);
  }
  const has = (name: CompiledAction["action"]) => actions.some((action) => action.action === name);
  if (has("post") && has("no-post"))
    scope.error("policy-action", "Post and NoPost exclude each other", "Remove one of the two.");
  const request = actions.findIndex((action) => "url" in action || "name" in action);
  if (request >= 0 && has("no-post"))
    scope.error(
      "policy-action",
      "NoPost leaves no event, and the sensor makes requests when an event arrives",
      "Remove NoPost, or the action that makes a request.",
    );
  return actions;
}

type Compile = (
  spec: ActionSpec,
  scope: Scope,
  context: ActionContext,
) => CompiledAction | undefined;

const forms: Readonly<Record<ActionForm, Compile>> = {
  post: compilePost,
  signal: compileSignal,
  override: compileOverride,
  socket: compileSocket,
  url: compileUrl,
  name: compileName,
  notify: compileNotify,
  set: compileSet,
  cleanup: (spec, scope, context) =>
    isForEnforcer(spec, scope, context) ? { action: "cleanup-enforcer-notification" } : undefined,
};

function compileAction(
  spec: ActionSpec,
  scope: Scope,
  context: ActionContext,
): CompiledAction | undefined {
  checkParameters(spec, scope);
  const row = actionsByName.get(spec.action);
  if (row?.form !== undefined) return forms[row.form](spec, scope, context);
  return row && { action: row.word as PlainActionWord };
}

/** A parameter of another action is harmless, but a mistake. */
function checkParameters(spec: ActionSpec, scope: Scope): void {
  for (const [field, value] of Object.entries(spec)) {
    const owners = actionsWith(field);
    if (
      owners.length === 0 ||
      owners.includes(spec.action) ||
      value === undefined ||
      value === false
    )
      continue;
    scope
      .at(field)
      .onKey.warning(
        "policy-action",
        `${field} has no effect on ${spec.action}`,
        `It is a parameter of ${owners.join(" and ")}${field.startsWith("rateLimit") ? `: add \`{action: Post, ${field}: ${String(value)}}\` to the selector` : ""}.`,
      );
  }
}

function compilePost(
  spec: ActionSpec,
  scope: Scope,
  context: ActionContext,
): CompiledAction | undefined {
  const canHash = spec.imaHash !== true || hasHash(scope.at("imaHash"), context);
  for (const field of ["kernelStackTrace", "userStackTrace"] as const) {
    if (spec[field] !== true || hookKinds[context.kind].stacks) continue;
    scope
      .at(field)
      .onKey.error(
        "policy-action",
        `Events of this kind of hook carry no stack`,
        "Stack traces are for kprobes.",
      );
  }
  const limit = compileRateLimit(spec, scope);
  if (!canHash || limit === "wrong") return undefined;
  return {
    action: "post",
    ...(limit ? { rateLimit: limit } : {}),
    kernelStack: spec.kernelStackTrace ?? false,
    userStack: spec.userStackTrace ?? false,
    ...(spec.imaHash === true ? { imaHash: true } : {}),
  };
}

function hasHash(scope: Scope, { kind, target }: ActionContext): boolean {
  if (kind === "lsm" && (target === "" || hashHooks.has(target))) return true;
  const hooks = [...hashHooks.keys()];
  const message =
    kind === "lsm"
      ? `The hook ${quote(target)} has no open file, or its programs may not wait for a hash`
      : "Only events of lsmhooks have a hash";
  const hint = `Post it at one of the LSM hooks ${hooks.join(", ")}.`;
  scope.onKey.error("policy-action", message, hint);
  return false;
}

type RateLimit = { readonly windowMs: number; readonly scope: "thread" | "process" | "global" };

function compileRateLimit(spec: ActionSpec, scope: Scope): RateLimit | undefined | "wrong" {
  const rateScope = spec.rateLimitScope?.toLowerCase() ?? "thread";
  if (rateScope !== "thread" && rateScope !== "process" && rateScope !== "global") {
    scope
      .at("rateLimitScope")
      .error(
        "policy-unknown-value",
        `rateLimitScope cannot be ${quote(rateScope)}`,
        "Write thread, process or global.",
      );
    return "wrong";
  }
  if (spec.rateLimit === undefined) {
    if (spec.rateLimitScope !== undefined)
      scope
        .at("rateLimitScope")
        .onKey.warning(
          "policy-action",
          "rateLimitScope has no effect without rateLimit",
          'Add `rateLimit: "5s"`, or remove it.',
        );
    return undefined;
  }
  const match = /^(\d{1,9})([smhSMH]?)$/.exec(spec.rateLimit.trim());
  const windowMs = match ? Number(match[1]) * msOfUnit(match[2] ?? "") : 0;
  if (windowMs <= 0 || windowMs > limits.rateLimitMs) {
    scope
      .at("rateLimit")
      .error(
        "policy-bad-value",
        `${quote(spec.rateLimit)} is not a time for a rate limit`,
        'Write seconds, minutes or hours, at most 24h: "5s", "1m", "1h".',
      );
    return "wrong";
  }
  return { windowMs, scope: rateScope };
}

function compileSignal(spec: ActionSpec, scope: Scope): CompiledAction | undefined {
  if (spec.argSig === undefined)
    scope.error(
      "policy-action",
      "Signal does not say which",
      "Add `argSig: 15` for SIGTERM, 19 for SIGSTOP …",
    );
  else if (isSignal(spec.argSig, scope)) return { action: "signal", signal: spec.argSig };
  return undefined;
}

function isSignal(signal: number, scope: Scope): boolean {
  if (signal >= 1 && signal <= 64) return true;
  scope
    .at("argSig")
    .error("policy-bad-value", `${signal} is not a signal`, "Signals are 1 to 64; 15 is SIGTERM.");
  return false;
}

/** 0 means none, as if it were left out. */
function compileNotify(
  spec: ActionSpec,
  scope: Scope,
  context: ActionContext,
): CompiledAction | undefined {
  const { argError: error = 0, argSig: signal = 0 } = spec;
  const isPossible = isForEnforcer(spec, scope, context);
  if (error === 0 && signal === 0) {
    scope.error(
      "policy-action",
      "NotifyEnforcer does not say what happens to the call",
      "Add `argError: -1` (EPERM: not permitted), `argSig: 9` (SIGKILL), or both.",
    );
    return undefined;
  }
  const isRight =
    (error === 0 || isError(error, scope)) && (signal === 0 || isSignal(signal, scope));
  return isPossible && isRight ? { action: "notify-enforcer", error, signal } : undefined;
}

function isForEnforcer(
  { action }: ActionSpec,
  scope: Scope,
  { hasEnforcers, kind, target, syscall, side }: ActionContext,
): boolean {
  if (
    /^(raw_syscalls\/sys_exit$|syscalls\/sys_exit_)/.test(target) ||
    (syscall && side === "return")
  ) {
    scope
      .at("action")
      .error(
        "policy-action",
        `${action} is too late where the system call returns: nothing of it can be stopped any more`,
        "Notify where the call begins: in matchActions, or at the tracepoint raw_syscalls/sys_enter.",
      );
    return false;
  }
  if (hookKinds[kind].ofProgram) {
    scope
      .at("action")
      .error(
        "policy-action",
        `${action} is not possible at a function of a program, which is no call of the kernel`,
        "Notify where the call begins: at the tracepoint raw_syscalls/sys_enter, or at a function of the kernel.",
      );
    return false;
  }
  if (!hasEnforcers)
    scope
      .at("action")
      .error(
        "policy-action",
        `${action} needs enforcers, and the policy has none`,
        "Add the calls to stop: `enforcers: [{calls: [sys_dup]}]`.",
      );
  return hasEnforcers;
}

function compileSet(
  { argIndex, argValue }: ActionSpec,
  scope: Scope,
  { kind, declared }: ActionContext,
): CompiledAction | undefined {
  if (kind !== "usdt") {
    scope
      .at("action")
      .error(
        "policy-action",
        "Set writes an argument of a static probe, and this hook is none",
        "Hook a probe of the program below usdts. To change what a call returns, use Override.",
      );
    return undefined;
  }
  if (argIndex === undefined || argValue === undefined) {
    scope.error(
      "policy-action",
      `Set does not say ${argIndex === undefined ? "which argument" : "the value"}`,
      "Write the index of an argument in `args`, and what it becomes: `argIndex: 0`, `argValue: 1`.",
    );
    return undefined;
  }
  if (declared.includes(argIndex)) return { action: "set", argument: argIndex, value: argValue };
  if (declared.includes(undefined)) return undefined;
  scope
    .at("argIndex")
    .error(
      "policy-index",
      `Set needs an argument that the hook reads, and argument ${argIndex} is not in its args`,
      `Add it: \`args: [{index: ${argIndex}, type: int}]\`.`,
    );
  return undefined;
}

function compileSocket(
  spec: ActionSpec,
  scope: Scope,
  { args, declared, side, onReturn, returnArg }: ActionContext,
): CompiledAction | undefined {
  const action = actionsByName.get(spec.action)?.word as SocketActionWord;
  const index = spec.argSock ?? 0;
  const position = declared.indexOf(index);
  const type = args[position]?.type;
  if (type === "sock" || type === "socket") return { action, socket: position };
  // Another error says what is wrong with the argument, which may be one whose position is not known.
  const isUnknown = position >= 0 ? type === undefined : declared.includes(undefined);
  if (isUnknown || (side === "return" && !onReturn)) return undefined;
  const isOfReturn =
    side === "return" && (spec.argSock === undefined || returnArg?.type === "sock");
  scope
    .at(spec.argSock === undefined ? "action" : "argSock")
    .error(
      "policy-index",
      `${spec.action} needs a socket, and argument ${index} is ${type === undefined ? "not read" : `of type ${type}`}`,
      isOfReturn
        ? `For the socket that the function returns, write \`returnArgAction: ${spec.action}\` in the hook, beside \`returnArg: {index: 0, type: sock}\`, instead.`
        : socketHint({ args, declared }),
    );
  return undefined;
}

function socketHint({ args, declared }: Pick<ActionContext, "args" | "declared">): string {
  const known = args.findIndex((arg) => arg?.type === "sock" || arg?.type === "socket");
  return known >= 0
    ? `Write \`argSock: ${declared[known]}\`: the argument with that index is of type ${args[known]?.type}.`
    : "Add the argument of type sock to `args:` of the hook, and write its index as `argSock:`.";
}

function compileUrl({ argUrl = "" }: ActionSpec, scope: Scope): CompiledAction | undefined {
  if (argUrl === "") {
    scope.error("policy-action", "GetUrl does not say what to get", urlHint);
    return undefined;
  }
  const problem = problemOfUrl(argUrl);
  if (problem === undefined) return { action: "get-url", url: argUrl };
  scope
    .at("argUrl")
    .error("policy-bad-value", `${quote(withoutUserinfo(argUrl))} ${problem[0]}`, problem[1]);
  return undefined;
}

const urlHint = 'Add `argUrl: "https://canary.example.com/opened"`.';

function problemOfUrl(text: string): [what: string, hint: string] | undefined {
  if (text.length > limits.urlCharacters)
    return [`has more than ${limits.urlCharacters} characters`, "Write a shorter one."];
  const url = URL.parse(text);
  if (url === null || /\s/.test(text)) return ["is not a URL", urlHint.replace("Add", "Write")];
  if (url.protocol !== "http:" && url.protocol !== "https:")
    return ["is neither http nor https", urlHint.replace("Add", "Write")];
  if (url.username !== "" || url.password !== "")
    return ["has a password, which whoever reads the policy can see", "Leave it out."];
  return undefined;
}

function compileName({ argFqdn = "" }: ActionSpec, scope: Scope): CompiledAction | undefined {
  const hint = "`argFqdn: canary.example.com`.";
  if (argFqdn === "") {
    scope.error("policy-action", "DnsLookup does not say which name", `Add ${hint}`);
    return undefined;
  }
  if (isFullName(argFqdn)) return { action: "dns-lookup", name: argFqdn };
  scope
    .at("argFqdn")
    .error("policy-bad-value", `${quote(argFqdn)} is not the full name of a host`, `Write ${hint}`);
  return undefined;
}

/** With a dot, so that no resolver adds a domain of its own; not an address. */
const isFullName = (text: string): boolean =>
  text.length <= 253 &&
  /^([\w-]{1,63}\.)+[\w-]{1,63}\.?$/.test(text) &&
  !/(^|\.)\d+\.?$/.test(text);
