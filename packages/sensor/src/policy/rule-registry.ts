// SPDX-License-Identifier: Apache-2.0
import {
  hookKinds,
  programPlaceOf,
  requestsOf,
  syscallFunction,
  type TypedHook,
} from "@gander/policy";
import type { PlannedRule } from "../link/planned-rule.ts";
import type { RuleInfo } from "../link/rule-info.ts";
import type { PolicyKey } from "./policy-state.ts";

/** Describes rules, for a while even after they are removed: their records may still be in the ring. */
export interface RuleRegistry {
  /** Returns a new rule id; ids are never reused. */
  add(key: PolicyKey, hook: TypedHook, point: PlannedRule["point"]): number;
  get(id: number): RuleInfo | undefined;
  /** Retires all other rules; each is forgotten once many more have been retired after it. */
  keepOnly(used: ReadonlySet<number>): void;
  entries(): Iterable<RuleInfo>;
}

/** Small, because the manifest includes them and is written at each change. */
const keptRetired = 512;

/** @param first no id is lower: programs may know more rules than those that are described. */
export function createRuleRegistry(known: Iterable<RuleInfo> = [], first = 1): RuleRegistry {
  const rules = new Map<number, RuleInfo>();
  for (const rule of known) rules.set(rule.id, rule);
  let next = Math.max(first, ...[...rules.keys()].map((id) => id + 1));
  const retired = new Set<number>();
  return {
    add(key, hook, point) {
      const id = next++;
      rules.set(id, { ...describeRule(id, key, hook), ...describePoint(hook, point) });
      return id;
    },
    get: (id) => rules.get(id),
    keepOnly(used) {
      for (const id of rules.keys()) if (!used.has(id)) retired.add(id);
      for (const id of retired) {
        if (retired.size <= keptRetired) return;
        retired.delete(id);
        rules.delete(id);
      }
    },
    entries: () => rules.values(),
  };
}

function describeRule(id: number, key: PolicyKey, hook: TypedHook): RuleInfo {
  const requests = hook.selectors.flatMap((selector) =>
    requestsOf(selector).map((request) => ({ selector: selector.index, request })),
  );
  const [subsystem = "", event = ""] = hook.target.split("/");
  return {
    id,
    policyName: key.name,
    policyNamespace: key.namespace,
    kind: hook.kind,
    eventKind: hookKinds[hook.kind].event,
    functionName: hook.syscall ? syscallFunction(hook.target) : hook.target,
    ...(hook.kind === "tracepoint" ? { subsystem, event } : {}),
    args: hook.args,
    ...(hook.returnArg === undefined ? {} : { returnArg: hook.returnArg }),
    ...(requests.length === 0 ? {} : { requests }),
    message: hook.message,
    tags: hook.tags,
  };
}

/** What differs for a function of a program, and for many functions. */
function describePoint(
  hook: TypedHook,
  { file, functions }: PlannedRule["point"],
): Partial<RuleInfo> {
  if (functions !== undefined) return { functionName: hook.target, functions };
  const place = programPlaceOf(hook);
  if (place === undefined) return {};
  if (place.by === "probe") {
    const [provider = "", name = ""] = place.name.split(":");
    return { path: place.path, functionName: "", subsystem: provider, event: name };
  }
  const { returnArg } = hook;
  const isSymbol = place.by === "symbol";
  return {
    path: place.path,
    functionName: isSymbol ? place.name : "",
    offset: isSymbol ? place.plus : (file?.offset ?? 0),
    // The event has it among the arguments.
    ...(returnArg && { returnArg: { ...returnArg, label: returnArg.label || "return" } }),
  };
}
