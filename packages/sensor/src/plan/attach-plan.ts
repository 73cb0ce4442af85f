// SPDX-License-Identifier: Apache-2.0
import {
  attachKinds,
  type CompiledHook,
  type HookPoint,
  hookKinds,
  type Placement,
  placeHook,
  type Refusal,
  type TypedArg,
  type TypedHook,
} from "@gander/policy";
import { ruleFlags } from "../link/abi.gen.ts";
import type { ArgReading, PlannedRule } from "../link/planned-rule.ts";
import {
  coreDumpArg,
  functionArg,
  recordArg,
  returnReading,
  socketToAddress,
  toBind,
  whichFunction,
} from "./arg-readings.ts";
import type { PlanFacts } from "./plan-facts.ts";
import { selectorsFor } from "./selector-verdicts.ts";

export type AttachPlan =
  | {
      /** The entry with what this kernel decides about it. */
      readonly hook: TypedHook;
      readonly rules: readonly PlannedRule[];
      /** Where it does less than the policy suggests. */
      readonly weaknesses: readonly string[];
      readonly refusals?: never;
    }
  | { readonly refusals: readonly Refusal[]; readonly rules?: never };

/** Where a hook entry of a policy is attached on this kernel (`placeHook`), and with which rules. */
export function planHook(hook: CompiledHook, facts: PlanFacts): AttachPlan {
  const plan = placeHook(hook, facts);
  if (plan.refusals !== undefined) return plan;
  return {
    hook: plan.hook,
    rules: plan.placements.map((placement) => rule(plan.hook, placement, facts)),
    weaknesses: plan.weaknesses,
  };
}

function rule(hook: TypedHook, placement: Placement, facts: PlanFacts): PlannedRule {
  const { point, role } = placement;
  const withReturn =
    hook.returnArg !== undefined &&
    role !== "signal-silently" &&
    role !== "companion" &&
    attachKinds[point.kind].returns !== "none";
  const returnValue =
    withReturn && hook.returnArg !== undefined
      ? returnReading(hook.returnArg, memoryOf(hook))
      : undefined;
  return {
    point,
    flags: flagsAt(placement),
    args: [
      ...argsAt(hook, placement, facts),
      ...(point.functions === undefined ? [] : [whichFunction]),
    ],
    ...(returnValue === undefined ? {} : { returnValue }),
    selectors: selectorsFor(hook, role),
    ...(countsCalls(hook) ? { counted: `${hook.path} ${role}` } : {}),
    onlyWhenEnforcing: role === "signal-silently" || role === "companion",
  };
}

const countsCalls = ({ selectors }: TypedHook): boolean =>
  selectors.some(({ filters }) => filters.some(({ on }) => on === "count"));

function flagsAt({ point, role, inCoreDump }: Placement): number {
  if (inCoreDump) return ruleFlags.RULE_CORE_DUMPS;
  return role === "companion" ? companionFlags[companionCall(point)] : 0;
}

const companionFlags = {
  connect: ruleFlags.RULE_ENFORCER | ruleFlags.RULE_STREAM_SOCKETS,
  sendmsg: ruleFlags.RULE_ENFORCER | ruleFlags.RULE_STREAM_SOCKETS | ruleFlags.RULE_FAST_OPEN,
};

/** The call in which a connection's companion decides. */
function companionCall({ target }: HookPoint): "connect" | "sendmsg" {
  return target.endsWith("socket_sendmsg") ? "sendmsg" : "connect";
}

function argsAt(hook: TypedHook, placement: Placement, facts: PlanFacts): ArgReading[] {
  const { point, role, inCoreDump } = placement;
  if (point.kind === "tracepoint") return recordArgs(hook, facts);
  if (inCoreDump) {
    const fileAt = fileOfAttributes(hook, facts);
    return hook.args.map((arg) => coreDumpArg(arg, placement.position(0) ?? 0, fileAt));
  }
  return hook.args.map((arg) => {
    if (role === "companion" && arg.type === "sock") return socketToAddress(companionCall(point));
    const memory = arg.source === "registers" ? registerMemoryOf(hook) : memoryOf(hook);
    const reading = functionArg(arg, memory, (index) => placement.position(index) ?? index);
    return placed(arg, reading && /bind/.test(hook.target) ? toBind(reading) : reading);
  });
}

/** What its arguments point to. */
const memoryOf = ({ kind, syscall }: TypedHook) =>
  syscall || hookKinds[kind].ofProgram ? "user" : "kernel";

/** What its registers point to. Those of a system call are the kernel's: it is hooked in the kernel. */
const registerMemoryOf = ({ kind }: TypedHook) => (hookKinds[kind].ofProgram ? "user" : "kernel");

/** Where struct iattr has the file; only routes from the file need it. */
function fileOfAttributes({ args }: TypedHook, facts: PlanFacts): number {
  if (!args.some(({ route }) => route?.source === "argument")) return 0;
  const found = facts.followPath({ pointerTo: "iattr" }, "ia_file");
  if (found === undefined || "reason" in found) throw new Error("struct iattr has no ia_file");
  return found.offset;
}

function recordArgs(hook: TypedHook, facts: PlanFacts): ArgReading[] {
  const [subsystem = "", event = ""] = hook.target.split("/");
  const memory = subsystem === "syscalls" ? "user" : "kernel";
  const fields = facts.tracepointFormat(subsystem, event)?.fields ?? [];
  return hook.args.map((arg) => {
    const field = fields[arg.index];
    const sizeField = arg.sizeIndex === undefined ? undefined : fields[arg.sizeIndex];
    return placed(arg, field && recordArg(arg, field, sizeField, memory));
  });
}

/** `placeHook` refuses arguments without a reading. */
function placed({ type }: TypedArg, reading: ArgReading | undefined): ArgReading {
  if (reading === undefined) throw new Error(`there is no reading for ${type} there`);
  return reading;
}
