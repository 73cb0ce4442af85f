// SPDX-License-Identifier: Apache-2.0

import type { Logger } from "@gander/base";
import {
  type AttachPoint,
  BpfLink,
  BpfMap,
  type BpfObject,
  type ObjectSpec,
  type RingBuffer,
  readIterator,
} from "@gander/libbpf";
import { configFlags, fault, recordType } from "../link/abi.gen.ts";
import { readBootTimeOffsetNs } from "./boot-time.ts";
import { type BpfObjects, readBpfObjects } from "./bpf-objects.ts";
import { createFileFinder, type FileFinder } from "./file-finder.ts";
import { createGracePeriod, type GracePeriod } from "./grace-period.ts";
import {
  createHookMaps,
  createHookPrograms,
  type HookPrograms,
  loadPinned,
} from "./hook-programs.ts";
import { KernelRings } from "./kernel-rings.ts";
import { createMemoryLayout } from "./memory-layout.ts";
import { findPathSequences, startPathCache } from "./path-cache.ts";
import { PinnedMaps } from "./pinned-maps.ts";
import { problemOfPins } from "./pins/check-pins.ts";
import { type ChosenPins, choosePins, type KnownTables } from "./pins/choose-pins.ts";
import { createLeftTables, type LeftTables } from "./pins/left-tables.ts";
import { createPinFolders, type Pins, removePins } from "./pins/pins.ts";
import { registerSensor, registrar } from "./pins/register-sensor.ts";
import { nothingSaved, readTablesLabel, writeTablesLabel } from "./pins/tables-label.ts";
import type { PolicyKernel } from "./policy-kernel.ts";
import { createProgramFiles, type ProgramFiles } from "./program-files.ts";
import { type RunningKernelFacts, readRunningKernel } from "./read-running-kernel.ts";
import { type CgroupGroups, createCgroupGroups } from "./tables/cgroup-groups.ts";
import { type ConfigFlags, createConfigFlags } from "./tables/config-flags.ts";
import { type CountedConditions, createCountedConditions } from "./tables/counted-conditions.ts";
import { createEarlyProcesses, type EarlyProcesses } from "./tables/early-processes.ts";
import { createFollowedProcesses, type FollowedProcesses } from "./tables/followed-processes.ts";
import { letGoAll } from "./tables/let-go.ts";
import { MapPages } from "./tables/map-pages.ts";
import { createPolicyTables, type PolicyTables, tableMaps } from "./tables/policy-tables.ts";
import { createRememberedFacts, type RememberedFacts } from "./tables/remembered-facts.ts";
import { createStructLayouts, fieldOf, type StructLayouts } from "./tables/struct-layouts.ts";

type KernelOptions = {
  /** In a bpf file system. */
  readonly bpfFolder?: string;
  readonly ringBytes?: number;
  /** The folder of the compiled programs, if not that of `make build`. */
  readonly objectsFolder?: string;
  /** The tables that the manifests on disk describe. */
  readonly manifests?: readonly KnownTables[];
};

/** Since the programs were loaded. */
export type LifecycleCounts = Readonly<Record<LifecycleRecord, RecordCount>>;
/** Written to the ring: produced - lost.ring - lost.memory. */
export type RecordCount = {
  readonly produced: bigint;
  readonly lost: { readonly ring: bigint; readonly memory: bigint };
};
type LifecycleRecord = "exec" | "clone" | "exit" | "task" | "cgroupMkdir" | "cgroupRmdir";
export type FaultName = Exclude<keyof typeof fault, "FAULT_MAX">;

const lifecycleTypes: Readonly<Record<LifecycleRecord, number>> = {
  exec: recordType.RECORD_EXEC,
  clone: recordType.RECORD_CLONE,
  exit: recordType.RECORD_EXIT,
  task: recordType.RECORD_TASK,
  cgroupMkdir: recordType.RECORD_CGROUP_MKDIR,
  cgroupRmdir: recordType.RECORD_CGROUP_RMDIR,
};

/**
 * Loads the programs into the kernel, or adopts those that an earlier sensor with the same programs has left
 * there. @throws GanderError, BpfError
 */
export async function createKernel(
  { logger }: { readonly logger: Logger },
  options: KernelOptions = {},
): Promise<Kernel> {
  const { bpfFolder = "/sys/fs/bpf/gander", ringBytes = 8 << 20 } = options;
  const objects = readBpfObjects({ ...options, ringBytes });
  const chosen = choosePins(bpfFolder, {
    digest: objects.digest,
    problemOf: (pins) => problemOfPins(pins, objects),
    manifests: options.manifests ?? [],
  });
  const { own: pins, found, unusable, empty } = chosen;
  for (const left of empty) await removeEmpty(left, logger);
  for (const { pins: folder, problem } of unusable)
    logger.warn(
      "Pins of an earlier sensor cannot be used; programs are loaded anew and replace them",
      {
        pins: folder,
        problem,
      },
    );
  createPinFolders(pins);
  try {
    // Until the first tables are in force, every policy is added again anyway.
    if (found !== "same") writeTablesLabel(pins.folder, { tables: "", saved: nothingSaved });
    const programs = createProgramFiles();
    const memory = createMemoryLayout(objects.memory);
    const facts = {
      ...readRunningKernel(),
      ...{ program: programs.program, execProblem: memory.problem },
    };
    const sequences = findPathSequences(objects, facts, logger);
    attachLifecycle(objects.process, pins);
    const hooks = createHookPrograms(objects.hook, pins, { facts, programs, memory, logger });
    if (lacksMaps(objects.hook, pins)) createHookMaps(objects.hook, pins);
    logger.info("Kernel programs are attached", {
      found,
      pins: pins.folder,
      hooks: hooks.ids().size,
    });
    const kernel = new Kernel(objects, chosen, { hooks, facts, programs });
    if (sequences === "known") await kernel.startPathCache(objects.hook, logger);
    return kernel;
  } catch (error) {
    if (found !== "same") await removePins(pins);
    throw error;
  }
}

async function removeEmpty(pins: Pins, logger: Logger): Promise<void> {
  try {
    await removePins(pins);
  } catch (error) {
    logger.warn("An empty folder of pins cannot be removed", { pins: pins.folder, error });
  }
}

function lacksMaps({ maps }: ObjectSpec, pins: Pins): boolean {
  const pinned = new Set(pins.maps());
  return [...maps.keys()].some((name) => !name.startsWith(".") && !pinned.has(name));
}

type Parts = {
  readonly hooks: HookPrograms;
  readonly facts: RunningKernelFacts;
  readonly programs: ProgramFiles;
};

/** The sensor's part of the kernel: programs, maps and rings. */
export class Kernel implements AsyncDisposable {
  /** Of the programs and tables; changes with them. */
  readonly id: string;
  /**
   * What the sensor found when it started: nothing, tables that it can continue with, or others: of another
   * build or with unknown policies.
   */
  readonly found: "nothing" | "same" | "other";
  /** The number of unusable folders of pins of its own programs; they are replaced. */
  readonly unusablePins: number;
  /** What earlier sensors have in force beside this one. */
  readonly left: LeftTables;
  /** Structs of bpf/records.h and bpf/abi.h, from BTF. */
  readonly layouts: StructLayouts;
  readonly facts: RunningKernelFacts;
  readonly policies: PolicyKernel;
  readonly cgroups: CgroupGroups;
  readonly early: EarlyProcesses;
  readonly #pins: ChosenPins;
  readonly #hooks: HookPrograms;
  readonly #maps: PinnedMaps;
  readonly #map: (name: string) => BpfMap;
  readonly #rings: KernelRings;
  readonly #iterator: BpfLink;
  readonly #setFlag: ConfigFlags["set"];
  readonly #grace: GracePeriod = createGracePeriod();
  readonly #finder: FileFinder;
  readonly #programs: ProgramFiles;
  #pathCache: Awaited<ReturnType<typeof startPathCache>> | undefined;
  #isExempt = false;

  constructor(
    { process, hook, file }: BpfObjects,
    chosen: ChosenPins,
    { hooks, facts, programs }: Parts,
  ) {
    const pins = chosen.own;
    this.id = pins.name;
    this.found = chosen.found;
    this.unusablePins = chosen.unusable.length;
    this.left = createLeftTables(chosen.known, chosen.unknown);
    this.layouts = layoutsOf(process, hook);
    this.facts = facts;
    this.#pins = chosen;
    this.#hooks = hooks;
    this.#programs = programs;
    this.#maps = new PinnedMaps(pins);
    const map = (name: string) => this.#maps.map(name);
    this.#map = map;
    for (const name of tableMaps) map(name);
    this.#rings = new KernelRings(map);
    this.#iterator = BpfLink.fromPin(pins.link(iteratorName));
    this.#finder = createFileFinder(file);
    const config = new Int32Array(map("config").memory().buffer);
    const configAt = (field: string) => fieldOf(this.layouts("config"), field).offset / 4;
    const flags = createConfigFlags(config, configAt("flags"));
    const setFlag = flags.set;
    this.#setFlag = setFlag;
    const followed = createFollowedProcesses({
      flags,
      config: map("config"),
      procs: map("procs"),
      followPids: map("follow_pids"),
      layouts: this.layouts,
      scanTasks: () => this.scanTasks(),
    });
    const remembered = createRememberedFacts({
      flags,
      maps: {
        parents: map("parents"),
        privileges: map("privileges"),
        owners: map("owners"),
      },
      scanTasks: () => this.scanTasks(),
    });
    const counted = createCountedConditions({
      flags,
      conditions: new BigUint64Array(map("conditions").memory().buffer),
      setUsed: (places) => void Atomics.store(config, configAt("conditions"), places),
      sweep: () => {
        using sweeper = BpfLink.fromPin(pins.link(sweeperName));
        readIterator(sweeper);
      },
    });
    this.early = createEarlyProcesses({
      ...{ config: map("config"), early: map("early"), held: map("held") },
      ...{ setFlag, layouts: this.layouts },
    });
    // What earlier sensors held would wait for ever.
    this.early.end();
    for (const left of [...chosen.known, ...chosen.unknown]) letGoHeldOf(left);
    const parts = {
      ...{ facts, pins, followed, remembered, counted, programs },
      ...{ grace: this.#grace, finder: this.#finder },
    };
    this.policies = {
      ...createPolicyTables(map, (table) => new MapPages(table, this.#maps, pins), this.layouts),
      ...createPolicyHooks(hooks, parts),
    };
    this.cgroups = createCgroupGroups({
      cgroups: map("cgroups"),
      places: new BigUint64Array(map("cgroup_places").memory().buffer),
      setFlag,
      setListed: (count) => void Atomics.store(config, configAt("listed_cgroups"), count),
    });
  }

  async startPathCache(hooks: ObjectSpec, logger: Logger): Promise<void> {
    const pathCache = this.#map("path_cache");
    const [pins, setFlag, grace] = [this.#pins.own, this.#setFlag, this.#grace];
    this.#pathCache = await startPathCache({ hooks, pins, setFlag, grace, logger, pathCache });
  }

  /** From now on this process is exempt from enforcement. */
  exemptThisProcess(): void {
    this.#isExempt = registerSensor(this.#pins.own);
  }

  /** Whether the programs know it; otherwise policies apply to it, too. */
  get isExempt(): boolean {
    return this.#isExempt;
  }

  get rings(): { readonly events: RingBuffer; readonly urgent: RingBuffer } {
    return this.#rings.all;
  }

  /** Called when a ring can be read. */
  onReadable(listener: () => void): void {
    this.#rings.onReadable(listener);
  }

  /** Realtime minus CLOCK_BOOTTIME; read at each call, because the clock may be set. */
  bootTimeOffsetNs(): bigint {
    return readBootTimeOffsetNs();
  }

  /** RECORD_TASK of all processes, concatenated. */
  scanTasks(): Uint8Array {
    return readIterator(this.#iterator);
  }

  lifecycleCounts(): LifecycleCounts {
    return readLifecycle(this.#map("lifecycle"), this.layouts);
  }

  /** Events that should never happen, counted since the programs were loaded. */
  faults(): Readonly<Record<FaultName, bigint>> {
    return readFaults(this.#map("faults"));
  }

  /** While a client watches live, every record of a policy wakes the sensor. */
  setWatched(watched: "watched" | "unwatched"): void {
    this.#setFlag(configFlags.CONFIG_WATCHED, watched === "watched");
  }

  /** While asleep, the sensor does not poll the ring: the first record in an empty ring wakes it. */
  setAsleep(asleep: "asleep" | "awake"): void {
    this.#setFlag(configFlags.CONFIG_ASLEEP, asleep === "asleep");
    this.#rings.setAsleep(asleep);
  }

  /** Kernel memory in use, in bytes. */
  memory(): { readonly maps: Readonly<Record<string, number>>; readonly hookPrograms: number } {
    const sizes = this.#pins.own.maps().map((name) => [name, this.#map(name).memoryBytes()]);
    return { maps: Object.fromEntries(sizes), hookPrograms: this.#hooks.programBytes() };
  }

  /** Removes everything from the kernel. Without this, it all keeps running after the sensor has ended. */
  async removeAll(): Promise<void> {
    this.#pathCache?.stop();
    this.early.end();
    await this.#close();
    const { own, known, unknown } = this.#pins;
    for (const pins of [own, ...known, ...unknown]) await removePins(pins);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#maps.isOpen) await this.#close();
  }

  async #close(): Promise<void> {
    this.#rings.close();
    await this.#hooks[Symbol.asyncDispose]();
    await this.#iterator.closeAsync();
    this.#grace.close();
    this.#finder[Symbol.dispose]();
    this.#programs[Symbol.dispose]();
    this.#maps.close();
  }
}

/** Of another build, whose programs hold nothing more: their sensor has ended. */
function letGoHeldOf(pins: Pins): void {
  if (!pins.maps().includes("held")) return;
  using held = BpfMap.fromPin(pins.map("held"));
  letGoAll(held);
}

type PolicyHookParts = {
  readonly facts: RunningKernelFacts;
  readonly pins: Pins;
  readonly followed: FollowedProcesses;
  readonly remembered: RememberedFacts;
  readonly counted: CountedConditions;
  readonly grace: GracePeriod;
  readonly finder: FileFinder;
  readonly programs: ProgramFiles;
};

/** The part of PolicyKernel besides the tables. */
function createPolicyHooks(
  hooks: HookPrograms,
  { facts, pins, followed, remembered, counted, grace, finder, programs }: PolicyHookParts,
): Omit<PolicyKernel, keyof PolicyTables> {
  return {
    facts,
    attach: (point, features) => hooks.attach(point, features),
    hookAt: (point) => hooks.hookAt(point),
    lacks: (hook) => hooks.lacks(hook),
    prepare: (points) => hooks.prepare(points),
    detachAllBut: (ids) => hooks.detachAllBut(ids),
    attachedHooks: () => hooks.ids(),
    missedCalls: (id) => hooks.missedCalls(id),
    mappingProblem: () => hooks.mappingProblem(),
    waitForReaders: () => grace.wait(),
    follow: (bits) => followed.add(bits),
    unfollowAllBut: (bits) => followed.keepOnly(bits),
    isFollowBitCarried: (bit) => followed.isCarried(bit),
    remember: (kinds) => remembered.add(kinds),
    rememberOnly: (kinds) => remembered.keepOnly(kinds),
    countBy: (conditions) => counted.add(conditions),
    countOnlyBy: (conditions) => counted.keepOnly(conditions),
    highestCountingRule: () => counted.highestRule(),
    tablesLabel: () => readTablesLabel(pins.folder),
    labelTables: (label) => writeTablesLabel(pins.folder, label),
    findFile: (path) => finder.find(path),
    programs,
  };
}

const iteratorName = "process__tasks";
const sweeperName = "process__sweep";

/** The maps over which programs iterate. */
const iterated = new Map([
  [registrar, "config"],
  [sweeperName, "tallies"],
]);

/** Attaches what isn't attached yet: everything, or the rest if a sensor died while attaching. */
function attachLifecycle(spec: ObjectSpec, pins: Pins): void {
  const pinned = new Set(pins.links());
  const missing = [...spec.programs.values()].filter(({ name }) => !pinned.has(name));
  if (missing.length === 0) return;
  for (const program of spec.programs.values()) program.load = missing.includes(program);
  using object = loadPinned(spec, pins);
  // An iterator observes nothing: it must not exist before the observers do.
  for (const { name } of missing) {
    using link = object.program(name).attach(placeOf(name, object));
    link.pin(pins.link(name));
  }
}

/** Undefined: as its section says. */
function placeOf(program: string, object: BpfObject): AttachPoint | undefined {
  const map = iterated.get(program);
  return map === undefined ? undefined : { kind: "iterator", map: object.map(map) };
}

function layoutsOf(...specs: readonly ObjectSpec[]): StructLayouts {
  const all = specs.flatMap(({ btf }) => (btf === undefined ? [] : [createStructLayouts(btf)]));
  const cache = new Map<string, ReturnType<StructLayouts>>();
  return (struct) => {
    for (const layouts of cache.has(struct) ? [] : all) {
      try {
        cache.set(struct, layouts(struct));
        break;
      } catch {
        // Only one of the objects has the struct.
      }
    }
    const layout = cache.get(struct);
    if (layout === undefined) throw new Error(`the BPF objects have no struct ${struct}`);
    return layout;
  };
}

function readLifecycle(map: BpfMap, layouts: StructLayouts): LifecycleCounts {
  const layout = layouts("lifecycle_count");
  const entries = Object.entries(lifecycleTypes).map(([name, type]) => {
    const words = perCpuWords(map, type);
    const sum = (field: string) =>
      sumEvery(words, fieldOf(layout, field).offset / 8, layout.size / 8);
    const lost = { ring: sum("lost_ring"), memory: sum("lost_memory") };
    return [name, { produced: sum("produced"), lost }];
  });
  return Object.fromEntries(entries) as LifecycleCounts;
}

function readFaults(map: BpfMap): Record<FaultName, bigint> {
  const names = Object.entries(fault).filter(([name]) => name !== "FAULT_MAX");
  return Object.fromEntries(
    names.map(([name, index]) => [name, sumEvery(perCpuWords(map, index), 0, 1)]),
  ) as Record<FaultName, bigint>;
}

function perCpuWords(map: BpfMap, index: number): BigUint64Array {
  const value = map.get(new Uint8Array(Uint32Array.of(index).buffer));
  return value === undefined
    ? new BigUint64Array()
    : new BigUint64Array(value.buffer, value.byteOffset, value.byteLength / 8);
}

function sumEvery(words: BigUint64Array, first: number, step: number): bigint {
  let sum = 0n;
  for (let i = first; i < words.length; i += step) sum += words[i] ?? 0n;
  return sum;
}
