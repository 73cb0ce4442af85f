// SPDX-License-Identifier: Apache-2.0
import { hookKinds } from "@gander/crd-schemas";
import type { CompiledHook } from "../compiled-policy.ts";
import { compareArgumentTypes } from "./argument-types.ts";
import { type AttachFacts, hasBpfLsm } from "./attach-facts.ts";
import { attachKinds, type HookPoint } from "./attach-kinds.ts";
import {
  enforces,
  isEnforcing,
  onlyOnReturn,
  overrides,
  readsExec,
  readsRegisters,
  stops,
  wantsHash,
  wantsReturn,
} from "./hook-traits.ts";
import { type LsmHook, lsmHookName, lsmHookOf, returnCheck, takesNoPrograms } from "./lsm-hooks.ts";
import { placeConnection } from "./place-connection.ts";
import { coreDumpFunctions, placeCoreDumps } from "./place-core-dumps.ts";
import { hashFunctions, placeHash } from "./place-hash.ts";
import { placeMany } from "./place-many.ts";
import { placeUprobe } from "./place-uprobe.ts";
import {
  type HookPlan,
  type PlacedHook,
  type Placement,
  planAt,
  point,
  refuse,
} from "./placement.ts";
import { canReadField } from "./readable.ts";
import {
  badArgument,
  noBpfLsm,
  notDeniable,
  notFound,
  signalOnly,
  unreadableExec,
  unseenCalls,
} from "./refusals.ts";
import { typeHook } from "./type-hook.ts";

/**
 * Decides where and how a hook entry is attached on a kernel, or why it can't be. It tries nothing: the
 * sensor acts on the plan, and a check for another machine gives the messages of its sensor.
 */
export function placeHook(hook: CompiledHook, facts: AttachFacts): PlacedHook {
  if (hook.generated !== undefined) return placeMany(hook, hook.generated, facts);
  const plan = placeCoreDumps(hook, facts, placeByKind(hook, facts));
  if (plan.refusals !== undefined) return plan;
  const problem = readsExec(hook) ? facts.execProblem?.() : undefined;
  if (problem !== undefined) return { refusals: [unreadableExec(problem)] };
  const typed = typeHook(plan.lowered ?? hook, facts);
  if (typed.refusals !== undefined) return typed;
  const { refusals, weaknesses } = compareArgumentTypes(typed.hook, facts);
  if (refusals.length > 0) return { refusals };
  return {
    ...plan,
    hook: typed.hook,
    weaknesses: [
      ...plan.weaknesses,
      ...typed.weaknesses,
      ...weaknesses,
      ...assumedReturns(hook, plan.placements),
    ],
  };
}

/** A program that decides runs before the others that may deny. */
function assumedReturns(hook: CompiledHook, placements: readonly Placement[]): string[] {
  const decides = placements.some(({ point }) => attachKinds[point.kind].returns === "decision");
  const asks = hook.selectors.some(
    ({ returnFilters, actions }) => returnFilters.length > 0 && !actions.some(isEnforcing),
  );
  if (!decides || !asks) return [];
  return [
    "filters on the return value see 0 where this policy lets a call pass, also if another security module denies it later",
  ];
}

function placeByKind(hook: CompiledHook, facts: AttachFacts): HookPlan {
  switch (hook.kind) {
    case "lsm":
      return placeLsm(hook, facts);
    case "uprobe":
    case "usdt":
      return placeUprobe(hook, facts);
    case "loader":
      return placeFunction(hook, hook.target, facts);
    case "tracepoint":
      return hook.raw ? placeRawTracepoint(hook, facts) : placeTracepoint(hook, facts);
    case "kprobe":
      if (hook.syscall) return placeSyscall(hook, facts);
      if (readsRegisters(hook)) return placeFunction(hook, hook.target, facts);
      if (hook.target === "tcp_connect" && stops(hook))
        return placeConnection(hook, facts, placeFunction(hook, hook.target, facts));
      if (hook.target.startsWith("security_") && stops(hook)) return placeSecurity(hook, facts);
      return placeFunction(hook, hook.target, facts);
  }
}

/** The function of a policy's `sys_x`, or `__ia32_sys_x`, by which events name the call. */
export function syscallFunction(name: string): string {
  if (/^__(x64|ia32)_/.test(name)) return name;
  return `__x64_${name.startsWith("sys_") ? name : `sys_${name}`}`;
}

/** The functions that may be behind it. The kernel calls the first that it has (x86-64). */
function syscallEntries(name: string): readonly string[] {
  const entry = syscallFunction(name);
  const [, call] = /^__ia32_(sys_\w+)$/.exec(entry) ?? [];
  // What differs for 32-bit programs has a function of its own; some only on x86.
  return call === undefined
    ? [entry]
    : [call.replace("sys_", "__ia32_compat_sys_ia32_"), `__ia32_compat_${call}`, entry];
}

function placeLsm(hook: CompiledHook, facts: AttachFacts): HookPlan {
  const prototype = facts.prototype(`bpf_lsm_${hook.target}`);
  if (prototype === undefined)
    return refuse(
      notFound(
        `LSM hook ${hook.target}`,
        facts.similarFunction(`bpf_lsm_${hook.target}`)?.replace("bpf_lsm_", ""),
      ),
    );
  if (!hasBpfLsm(facts))
    return refuse(
      noBpfLsm(
        `LSM programs are never called, so the hook ${hook.target} can neither observe nor deny`,
        facts,
      ),
    );
  if (takesNoPrograms(hook.target, facts))
    return refuse({
      code: "kernel-unsupported",
      message: `this kernel lets no program be attached to the LSM hook ${hook.target}`,
      hint: "Hook the function `security_…` that calls it, below kprobes with `syscall: false`",
    });
  const plan = planAt(hook, [
    { point: point("lsm", hook.target), role: "decide", position: (index) => index },
  ]);
  return plan.refusals === undefined && wantsHash(hook) ? placeHash(plan, hook, facts) : plan;
}

/** Enforcing policies on `security_*`: finds where the call can be denied. */
function placeSecurity(hook: CompiledHook, facts: AttachFacts): HookPlan {
  const prototype = facts.prototype(hook.target);
  if (prototype === undefined && !facts.hasSymbol(hook.target))
    return refuse(notFound(`function ${hook.target}`, facts.similarFunction(hook.target)));
  if (onlyOnReturn(hook)) return placeFunction(hook, hook.target, facts);
  const lsm = lsmHookOf(hook.target, facts);
  if (lsm !== undefined && hasBpfLsm(facts) && hasArguments(hook, lsm)) {
    return planAt(hook, [
      { point: point("lsm", lsm.hook), role: "decide", position: lsm.position },
    ]);
  }
  if (prototype?.returnType === "int" && facts.isTraceable(hook.target)) {
    const why = !hasBpfLsm(facts)
      ? "`bpf` is not in the kernel's list of active LSMs"
      : takesNoPrograms(lsmHookName(hook.target), facts)
        ? `this kernel lets no program be attached to the LSM hook of ${hook.target}`
        : `the LSM hook of ${hook.target} lacks an argument`;
    return planAt(
      hook,
      [{ point: point("fmod_ret", hook.target), role: "decide", position: (index) => index }],
      [
        `${hook.target} is denied by an fmod_ret program, as ${why}: under full preemption a call that is made while the program is interrupted on that CPU passes`,
      ],
    );
  }
  const weak = placeFunction(hook, hook.target, facts);
  if (weak.refusals !== undefined || !overrides(hook)) return weak;
  if (!hasBpfLsm(facts)) return refuse(noBpfLsm(`nothing can make ${hook.target} fail`, facts));
  return refuse({
    code: "kernel-unsupported",
    message: `nothing can make ${hook.target} fail: it returns no error`,
    hint: "Hook a `security_…` function that returns int",
  });
}

function placeSyscall(hook: CompiledHook, facts: AttachFacts): HookPlan {
  const entries = syscallEntries(hook.target);
  const target = entries.find((one) => facts.hasSymbol(one)) ?? syscallFunction(hook.target);
  if (overrides(hook)) {
    const hint =
      "Hook the `security_*` function that the system call goes through; there Override and Sigkill deny it";
    return refuse({
      code: "kernel-unsupported",
      message: `the system call ${hook.target} cannot be made to fail: this kernel lacks bpf_override_return`,
      hint,
    });
  }
  const plan = placeFunction(hook, target, facts);
  if (plan.refusals !== undefined || !enforces(hook)) return plan;
  return { ...plan, weaknesses: [...plan.weaknesses, ...unseenCalls(hook.target, facts)] };
}

/** Any function: fentry or fexit observes it, else probes; a kill there is only a signal. */
function placeFunction(hook: CompiledHook, target: string, facts: AttachFacts): HookPlan {
  const prototype = facts.prototype(target);
  if (prototype === undefined && !facts.hasSymbol(target)) {
    return refuse(
      notFound(
        hook.syscall ? `system call ${hook.target} (function ${target})` : `function ${target}`,
        similarTarget(hook, target, facts),
      ),
    );
  }
  const trampoline = prototype !== undefined && facts.isTraceable(target) && !readsRegisters(hook);
  if (!trampoline && !facts.hasSymbol(target)) {
    return refuse({
      code: "kernel-unsupported",
      message: `the kernel does not let anything be attached to ${target}`,
      hint: "Hook a function that it calls or that calls it",
    });
  }
  const weaknesses = stops(hook) ? [signalOnly(hook, target)] : [];
  const at = (kind: HookPoint["kind"], role: Placement["role"]): Placement => ({
    point: point(kind, target, hook.syscall),
    role,
    position: (index) => index,
  });
  const [entry, exit] = trampoline
    ? (["fentry", "fexit"] as const)
    : (["kprobe", "kretprobe"] as const);
  if (!wantsReturn(hook)) return planAt(hook, [at(entry, "signal")], weaknesses);
  if (exit === "kretprobe" && (hook.args.length > 0 || readsExec(hook))) {
    const message = `${target} cannot be seen with its arguments and its return value at once: it is not in the kernel's BTF or not traceable`;
    return refuse({
      code: "kernel-unsupported",
      message,
      hint: "Leave out `return`, or hook a neighbouring function",
    });
  }
  // A call that blocks is interrupted at its entry; the event waits for the return value.
  const early = enforces(hook) && !onlyOnReturn(hook) ? [at(entry, "signal-silently")] : [];
  return planAt(hook, [...early, at(exit, "signal")], weaknesses);
}

function placeTracepoint(hook: CompiledHook, facts: AttachFacts): HookPlan {
  const [subsystem = "", event = ""] = hook.target.split("/");
  const format = facts.tracepointFormat(subsystem, event);
  if (format === undefined)
    return refuse(notFound(`tracepoint ${hook.target}`, facts.similarTracepoint(subsystem, event)));
  if (overrides(hook)) return refuse(notDeniable("tracepoint"));
  const fields = format.fields.map(({ name, type }) => `${type} ${name}`);
  const refusals = hook.args
    .filter((arg) => !canReadField(arg, hook, format.fields[arg.index]))
    .map((arg) => badArgument(hook, arg, fields));
  if (refusals.length > 0) return { refusals };
  return {
    placements: [
      { point: point("tracepoint", hook.target), role: "signal", position: (index) => index },
    ],
    weaknesses: stops(hook) ? [signalOnly(hook, hook.target)] : [],
  };
}

function placeRawTracepoint(hook: CompiledHook, facts: AttachFacts): HookPlan {
  const [subsystem = "", event = ""] = hook.target.split("/");
  const prototype = facts.rawTracepoint(event);
  if (prototype === undefined)
    return refuse(
      notFound(`raw tracepoint ${hook.target}`, facts.similarTracepoint(subsystem, event)),
    );
  if (overrides(hook)) return refuse(notDeniable("tracepoint"));
  const weaknesses = stops(hook) ? [signalOnly(hook, hook.target)] : [];
  return planAt(
    hook,
    [{ point: point("raw_tp", event), role: "signal", position: (index) => index }],
    weaknesses,
  );
}

function hasArguments(hook: CompiledHook, lsm: LsmHook): boolean {
  return hook.args.every(
    ({ index, sizeIndex, source }) =>
      (source !== undefined || lsm.position(index) !== undefined) &&
      (sizeIndex === undefined || lsm.position(sizeIndex) !== undefined),
  );
}

function similarTarget(hook: CompiledHook, target: string, facts: AttachFacts): string | undefined {
  const similar = facts.similarFunction(target);
  return hook.syscall ? similar?.replace(/^__(x64_|ia32_(?=compat_))/, "") : similar;
}

/** Functions whose prototypes are needed to place this hook entry. */
export function functionNamesOf({ kind, target, syscall, generated }: CompiledHook): string[] {
  if (kind === "tracepoint" || hookKinds[kind].ofProgram || generated !== undefined) return [];
  if (kind === "lsm")
    return [`bpf_lsm_${target}`, returnCheck, ...dumpFunctionsOf(target), ...hashFunctions];
  if (syscall) return [...syscallEntries(target)];
  if (target === "tcp_connect") return [target, "bpf_lsm_socket_connect", "bpf_lsm_socket_sendmsg"];
  if (!target.startsWith("security_")) return [target];
  const hook = lsmHookName(target);
  return [target, `bpf_lsm_${hook}`, returnCheck, ...dumpFunctionsOf(hook)];
}

const dumpFunctionsOf = (hook: string) => (hook === "file_permission" ? coreDumpFunctions : []);
