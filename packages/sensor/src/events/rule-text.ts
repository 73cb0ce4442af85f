// SPDX-License-Identifier: Apache-2.0
import { type HookEvent, isHookEvent } from "@gander/policy";
import { actionNames, type EventKind, eventKindRows } from "@gander/proto";
import { jsonText } from "../text/json-text.ts";
import type { EventRule, RuleText } from "./event-rule.ts";

/** Encodes the parts that all events of a rule share. */
export function ruleText(rule: EventRule): RuleText {
  const subsystem = rule.subsystem ?? "";
  const event = rule.event ?? "";
  const { path = "", offset = 0 } = rule;
  const hasNames = rule.eventKind === "process_tracepoint" || rule.eventKind === "process_usdt";
  const hasOffset = offset !== 0 && rule.eventKind === "process_uprobe";
  const functionName = field("function_name", rule.functionName);
  const target = {
    process_kprobe: functionName,
    process_lsm: functionName,
    process_tracepoint: field("subsys", subsystem) + field("event", event),
    process_uprobe: field("path", path) + field("symbol", rule.functionName),
    process_usdt: field("path", path) + field("provider", subsystem) + field("name", event),
    process_loader: "",
  }[rule.eventKind];
  const policy = field("policy_name", rule.policyName);
  const message = field("message", rule.message);
  const tags = rule.tags.length === 0 ? "" : `,"tags":[${rule.tags.map(jsonText).join(",")}]`;
  const endOf = (action: string, returnAction: string) =>
    ({
      process_kprobe: `${action}${policy}${returnAction}${message}${tags}`,
      process_tracepoint: `${policy}${action}${message}${tags}`,
      process_lsm: `${action}${tags}`,
      process_uprobe: tags,
      process_usdt: tags,
      process_loader: "",
    })[rule.eventKind];
  return {
    functionName: hasNames ? "" : rule.functionName,
    subsystem: hasNames ? subsystem : "",
    event: hasNames ? event : "",
    path,
    offset,
    policyName: rule.policyName,
    policyNamespace: rule.policyNamespace,
    message: rule.message,
    tags: rule.tags,
    jsonTarget: Buffer.from(target),
    jsonPolicy: Buffer.from(policy),
    jsonMessage: Buffer.from(message + tags),
    jsonBeforeArgs: Buffer.from(policy + message),
    jsonEnd: cacheOfEnds(endOf),
    jsonLast: cacheOfLasts(hasOffset ? `,"offset":"${offset}"` : ""),
  };
}

/** For an event without a rule. */
export function noRule(kind: EventKind): RuleText {
  noRules[kind] ??= ruleText({
    ...{ id: 0, policyName: "", policyNamespace: "", functionName: "", message: "" },
    ...{ args: [], tags: [], eventKind: hookEvents.get(kind) ?? "process_kprobe" },
  });
  return noRules[kind];
}

const noRules: Record<number, RuleText> = {};
const hookEvents: ReadonlyMap<number, HookEvent> = new Map(
  eventKindRows.flatMap(({ number, name }) => (isHookEvent(name) ? [[number, name]] : [])),
);

/** More than the number of actions. */
const maxActions = 64;

/** There are few combinations, and each event needs one. */
function cacheOfEnds(endOf: (action: string, returnAction: string) => string) {
  const known: (Uint8Array | undefined)[] = [];
  return (action: number, returnAction: number): Uint8Array => {
    const at = action * maxActions + returnAction;
    known[at] ??= Buffer.from(endOf(named("action", action), named("return_action", returnAction)));
    return known[at];
  };
}

function cacheOfLasts(offset: string) {
  const known: (Uint8Array | undefined)[] = [];
  return (action: number): Uint8Array => {
    known[action] ??= Buffer.from(offset + named("action", action));
    return known[action];
  };
}

const named = (name: string, action: number) =>
  action === 0 ? "" : `,"${name}":"${actionNames[action] ?? ""}"`;

function field(name: string, text: string): string {
  return text === "" ? "" : `,"${name}":${jsonText(text)}`;
}
