// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  type AttachTarget,
  type BpfObject,
  type BpfProgram,
  type CValue,
  cloneProgram,
  loadObject,
  type ObjectSpec,
  supportsKprobeMulti,
} from "@gander/libbpf";
import {
  type AttachKind,
  attachKinds,
  changesRegisters,
  type HookPoint,
  hookPointKey,
} from "@gander/policy";
import { feature, hookFlags, limits } from "../link/abi.gen.ts";
import { allFeatures } from "../link/features.ts";
import { createNumberPool, type NumberPool } from "../link/number-pool.ts";
import { createHashPrograms, type HashPrograms } from "./hash-programs.ts";
import { hookPlaces } from "./hook-places.ts";
import { MappingReports } from "./mapping-reports.ts";
import type { MemoryLayout } from "./memory-layout.ts";
import { type AttachedHook, closeHook, openHooks, pinHook, unpinHook } from "./pins/hook-pins.ts";
import type { Pins } from "./pins/pins.ts";
import { probeArgument } from "./probe-argument.ts";
import type { ProgramFiles } from "./program-files.ts";
import type { RunningKernelFacts } from "./read-running-kernel.ts";

/** The generic hook program at each place where a policy needs it. */
export interface HookPrograms extends AsyncDisposable {
  /**
   * Attaches a program with these features there if none is, and returns the hook's id. One that lacks a feature
   * stays attached beside the new one, until no rule is at it. @throws BpfError
   */
  attach(point: HookPoint, features?: number): number;
  /** The hook there that has all features of the others; undefined: none is attached. */
  hookAt(point: HookPoint): number | undefined;
  /** The features that a hook lacks; all if it is not attached. */
  lacks(hook: number): number;
  /** Loads at once all that attaching at these places requires. @throws BpfError */
  prepare(points: Iterable<HookPoint>): void;
  detachAllBut(ids: ReadonlySet<number>): Promise<void>;
  /**
   * Calls that the kernel did not hand to the hook, as far as it reports them: LSM programs can't miss calls,
   * those missed by kprobes and tracepoints are counted since 6.7.
   */
  missedCalls(hook: number): bigint;
  /** Why the hook of `loader: true` is not called, although it is attached. */
  mappingProblem(): string | undefined;
  ids(): ReadonlySet<number>;
  /** Bytes of kernel memory that all hook programs use. */
  programBytes(): number;
}

type HookProgramsDeps = {
  readonly facts: RunningKernelFacts;
  readonly programs: Pick<ProgramFiles, "pathOf">;
  readonly memory: MemoryLayout;
  readonly logger: Logger;
};

type LoadingDeps = HookProgramsDeps & { readonly pins: Pins; readonly hashes: HashPrograms };

/** Adopts the hooks that an earlier sensor with the same programs has pinned. */
export function createHookPrograms(
  spec: ObjectSpec,
  pins: Pins,
  deps: HookProgramsDeps,
): HookPrograms {
  let attached: readonly AttachedHook[] = openHooks(pins);
  /** Ids of hooks that are being detached: not to be reused yet. */
  const leaving = new Set<number>();
  const numbers: NumberPool = createNumberPool(
    "hooked functions",
    { first: 1, end: limits.MAX_HOOKS },
    ids(attached),
  );
  const templates = createTemplates(spec, pins, deps.facts);
  const hashes = createHashPrograms({
    spec,
    load: () => loadPinned(spec, pins),
    functionId: (name) => requireFunction(name, deps.facts),
  });
  const mappings = new MappingReports();
  mappings.adopt(keys(attached), deps.logger);
  return {
    attach(point, features = allFeatures) {
      mappings.needFor(point);
      const found = fullestAt(point, attached);
      if (found !== undefined && !(found.lacks & features)) return found.id;
      const object = templates.of(point.kind);
      const id = numbers.take();
      const lacks = (found?.lacks ?? allFeatures) & ~features;
      try {
        const loading = { ...deps, pins, hashes };
        attached = [...attached, attachHook(object, { id, lacks }, point, loading)];
      } catch (error) {
        numbers.keepOnly(ids(attached).union(leaving));
        throw error;
      }
      return id;
    },
    hookAt: (point) => fullestAt(point, attached)?.id,
    lacks: (hook) => attached.find(({ id }) => id === hook)?.lacks ?? allFeatures,
    prepare: (points) =>
      templates.load(
        [...points]
          .filter((point) => fullestAt(point, attached) === undefined)
          .map(({ kind }) => kind),
      ),
    async detachAllBut(kept) {
      const unused = attached.filter(({ id }) => !kept.has(id));
      // All at once: a policy added meanwhile must not find a hook that is about to go.
      attached = attached.filter(({ id }) => kept.has(id));
      for (const { id } of unused) leaving.add(id);
      for (const hook of unused) {
        await unpinHook(hook, pins);
        leaving.delete(hook.id);
      }
      numbers.keepOnly(ids(attached).union(leaving));
      mappings.keepFor(keys(attached));
    },
    missedCalls(id) {
      const hook = attached.find((one) => one.id === id);
      return hook === undefined ? 0n : missedBy(hook);
    },
    mappingProblem: () => mappings.problem,
    ids: () => ids(attached),
    programBytes: () => attached.reduce((sum, { program }) => sum + program.memoryBytes(), 0),
    async [Symbol.asyncDispose]() {
      mappings[Symbol.dispose]();
      templates.close();
      hashes.close();
      for (const hook of attached) await closeHook(hook);
      attached = [];
    },
  };
}

function missedBy({ program, link, others }: AttachedHook): bigint {
  return [link, ...others].reduce(
    (sum, each) => sum + (each.info().missed ?? 0n),
    program.info().recursionMisses,
  );
}

const ids = (attached: readonly AttachedHook[]) => new Set(attached.map(({ id }) => id));
const keys = (attached: readonly AttachedHook[]) => attached.map(({ key }) => key);

/** Each program that is added at a place has all features of the earlier ones there. */
function fullestAt(point: HookPoint, attached: readonly AttachedHook[]): AttachedHook | undefined {
  const key = hookPointKey(point);
  const [first, ...others] = attached.filter((hook) => hook.key === key);
  return others.reduce((full, hook) => (full && full.lacks < hook.lacks ? full : hook), first);
}

/** The programs that hooks are cloned from, each loaded when it is needed first. */
function createTemplates(spec: ObjectSpec, pins: Pins, facts: RunningKernelFacts) {
  const templates = loadAllTemplates(spec, pins);
  const load = (kinds: readonly AttachKind[]) => {
    const missing = [...new Set(kinds)].filter((kind) => !templates.has(kind));
    if (missing.length === 0) return;
    const object = loadTemplates(spec, missing, pins, (kind) => {
      const target = templateTargets[kind];
      return target === undefined ? undefined : { btfId: requireFunction(target, facts) };
    });
    for (const kind of missing) templates.set(kind, object);
  };
  return {
    load,
    of(kind: AttachKind): BpfObject {
      load([kind]);
      const object = templates.get(kind);
      if (object === undefined) throw new Error(`no template for ${kind}`);
      return object;
    },
    close() {
      for (const object of new Set(templates.values())) object.close();
    },
  };
}

/** `attachTarget` by the program's name. */
const templateNames: Partial<Record<AttachKind, string>> = {
  lsm: "file_permission",
  fmod_ret: "security_file_permission",
  fentry: "security_file_permission",
  fexit: "security_file_permission",
};

/**
 * Loads templates of all kinds, and the maps that they use: the programs return at once (IS_TEMPLATE in
 * bpf/tables.bpf.h), so all together cost only what reading the kernel's types for one of them does. If a
 * kernel rejects any of them, each is loaded when a policy needs it.
 */
function loadAllTemplates(spec: ObjectSpec, pins: Pins): Map<AttachKind, BpfObject> {
  const kinds = Object.keys(attachKinds) as AttachKind[];
  try {
    const object = loadTemplates(spec, kinds, pins, (kind) => templateNames[kind]);
    return new Map(kinds.map((kind) => [kind, object]));
  } catch {
    return new Map();
  }
}

/** Any function of the right shape: a template never runs, it is only cloned. */
const templateTargets: Partial<Record<AttachKind, string>> = {
  lsm: "bpf_lsm_file_permission",
  fmod_ret: "security_file_permission",
  fentry: "security_file_permission",
  fexit: "security_file_permission",
};

function loadTemplates(
  spec: ObjectSpec,
  kinds: readonly AttachKind[],
  pins: Pins,
  targetOf: (kind: AttachKind) => AttachTarget | undefined,
): BpfObject {
  for (const program of spec.programs.values()) program.load = false;
  for (const kind of kinds) {
    const program = spec.programs.get(templateName(kind));
    if (program === undefined) throw new Error(`the object has no program for ${kind}`);
    program.load = true;
    program.attachTarget = targetOf(kind);
  }
  return loadPinned(spec, pins);
}

/** Creates the maps that hooks use. */
export function createHookMaps(spec: ObjectSpec, pins: Pins): void {
  for (const program of spec.programs.values()) program.load = false;
  loadPinned(spec, pins).close();
}

/** Pins all maps except those of variables, or shares those already pinned there. */
export function loadPinned(spec: ObjectSpec, pins: Pins): BpfObject {
  for (const [name, map] of spec.maps) if (!name.startsWith(".")) map.pinPath = pins.map(name);
  return loadObject(spec);
}

function templateName(kind: AttachKind): string {
  // Where a function begins, the kernel and a program have its arguments in the same registers.
  return `hook__${kind === "uprobe" || kind === "kprobes" ? "kprobe" : kind}`;
}

function attachHook(
  object: BpfObject,
  { id, lacks }: { readonly id: number; readonly lacks: number },
  point: HookPoint,
  { facts, programs, memory, pins, hashes }: LoadingDeps,
): AttachedHook {
  const btfId = targetId(point, facts);
  const { file, functions } = point;
  const isMulti = file !== undefined && hasUprobeMulti(facts);
  const isOneProbe = functions !== undefined && supportsKprobeMulti();
  const places = hookPlaces(point, programs.pathOf, { isMulti, isOneProbe });
  const program = cloneProgram(object, templateName(point.kind), {
    name: programName(point),
    rodata: {
      ...{ hook_id: id, nargs: argumentCount(point, facts), hook_flags: flagsOf(point, facts) },
      hook_lacks: lacks,
      ...(lacks & feature.FEATURE_EXEC ? {} : layoutConstant(memory)),
      ...(point.probe && { probe_arguments: point.probe.args.map(probeArgument) }),
    },
    ...(lacks & feature.FEATURE_WRITES ? {} : { helper: writeHelper }),
    ...(btfId === undefined ? {} : { attachTarget: { btfId } }),
    ...(isMulti ? { attachType: "trace_uprobe_multi" } : {}),
    ...(isOneProbe ? { attachType: "trace_kprobe_multi" } : {}),
  });
  const companions: BpfProgram[] = [];
  try {
    if (!(lacks & feature.FEATURE_HASH)) companions.push(...hashes.for(point));
    return pinHook(program, places, { id, lacks, key: hookPointKey(point), pins, companions });
  } catch (error) {
    program.close();
    throw error;
  } finally {
    for (const companion of companions) companion.close();
  }
}

/** The kernel's bpf_probe_read, which stands in bpf/writes.bpf.h for bpf_probe_write_user. */
export const writeHelper = { from: 4, to: 36 };

/** Without it, what a program would read there is unknown: policies that need it are refused. */
function layoutConstant(memory: MemoryLayout): { memory_layout?: CValue } {
  const constant = memory.constant();
  return constant === undefined ? {} : { memory_layout: constant };
}

/** The kernel keeps 15 characters. */
function programName({ target }: HookPoint): string {
  return `h_${target.replace(/\W/g, "_")}`.slice(0, 15);
}

/** Linux 6.6: faster than a perf event, and needs fewer rights. */
const hasUprobeMulti = (facts: RunningKernelFacts) =>
  facts.prototype("bpf_uprobe_multi_link_attach") !== undefined;

/** The function to attach a trampoline to; undefined: this kind needs none. */
function trampolineTarget({ kind, target }: HookPoint): string | undefined {
  if (kind === "lsm") return `bpf_lsm_${target}`;
  return kind === "fmod_ret" || kind === "fentry" || kind === "fexit" ? target : undefined;
}

function targetId(point: HookPoint, facts: RunningKernelFacts): number | undefined {
  const name = trampolineTarget(point);
  return name === undefined ? undefined : requireFunction(name, facts);
}

function requireFunction(name: string, facts: RunningKernelFacts): number {
  const id = facts.functionId(name);
  if (id === undefined) throw new Error(`the kernel's BTF has no function ${name}`);
  return id;
}

function argumentCount(point: HookPoint, facts: RunningKernelFacts): number {
  const name = trampolineTarget(point);
  const prototype =
    point.kind === "raw_tp"
      ? facts.rawTracepoint(point.target)
      : name === undefined
        ? undefined
        : facts.prototype(name);
  return Math.min(prototype?.parameters.length ?? 0, limits.MAX_ARGS);
}

function flagsOf({ kind, syscall, target }: HookPoint, facts: RunningKernelFacts): number {
  return (
    (syscall ? hookFlags.HOOK_SYSCALL : 0) |
    (syscall && target.startsWith("__ia32_") ? hookFlags.HOOK_COMPAT : 0) |
    (kind === "tracepoint" ? hookFlags.HOOK_RECORD : 0) |
    (kind === "kprobes" ? hookFlags.HOOK_MANY : 0) |
    (kind === "usdt" ? hookFlags.HOOK_PROBE : 0) |
    (kind === "uprobe" && changesRegisters(facts) ? hookFlags.HOOK_REGISTERS : 0)
  );
}
