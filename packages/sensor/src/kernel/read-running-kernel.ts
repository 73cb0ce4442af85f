// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { release } from "node:os";
import { nearestName } from "@gander/base";
import {
  type Btf,
  findType,
  findTypes,
  functionPrototype,
  namesOfKind,
  readKernelBtf,
  readModuleBtf,
  releaseBtf,
  supportsKprobeMulti,
  tracepointPrototype,
  trimMemory,
} from "@gander/libbpf";
import {
  followType,
  type KernelTypes,
  type NamespaceName,
  type PathResult,
  type Prototype,
  structureKinds,
  type TypeRoot,
} from "@gander/policy";
import type { PlanFacts } from "../plan/plan-facts.ts";
import { parseTracepointFormat } from "../plan/tracepoint-format.ts";
import { hasSymbol } from "./kernel-symbols.ts";
import { createFunctionFinder } from "./traced-functions.ts";

export interface RunningKernelFacts extends PlanFacts {
  /** Looks up many functions in one pass through the kernel's types (10 ms a pass). */
  prefetch(functionNames: Iterable<string>): void;
  /** BTF id for attaching; undefined: no such function. */
  functionId(name: string): number | undefined;
  rawTracepointId(event: string): number | undefined;
  /** Attaching to it failed: from now on `isTraceable` is false for it. */
  forgetTraceable(name: string): void;
}

const tracingFolders = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/** Longer than the time between two policies that are loaded in a row. */
const calmMs = 1_000;

/**
 * Facts of the running kernel, read on demand. Its types (7 MB) are released after a while without use, and
 * read again when needed.
 */
export function readRunningKernel(): RunningKernelFacts {
  let btf: Btf | undefined;
  let giveBack: NodeJS.Timeout | undefined;
  const letGo = () => {
    if (btf !== undefined) releaseBtf(btf);
    btf = undefined;
    // The code that needed types has loaded programs, too.
    trimMemory();
  };
  const types = (): Btf => {
    btf ??= readKernelBtf();
    giveBack ??= setTimeout(letGo, calmMs).unref();
    giveBack.refresh();
    return btf;
  };
  const prototypes = new Map<string, Prototype | undefined>();
  const functions = createNameCache((names) => findTypes(types(), "func", names));
  const traces = createNameCache((names) => findTypes(types(), "typedef", names));
  const untraceable = new Set<string>();
  // Kept, so that changing a policy needs no types at all.
  const keep = (name: string, found: Prototype | undefined) => {
    prototypes.set(name, found);
    return found;
  };
  const prototype = (name: string): Prototype | undefined => {
    if (prototypes.has(name)) return prototypes.get(name);
    const id = functions.get(name);
    return keep(name, id === undefined ? undefined : functionPrototype(types(), id));
  };
  return {
    release: release(),
    activeLsms: readText("/sys/kernel/security/lsm").trim().split(",").filter(Boolean),
    prototype,
    isTraceable: (name) => !untraceable.has(name),
    hasSymbol,
    matchingFunctions: createFunctionFinder({
      oneByOne: () => !supportsKprobeMulti(),
      onFound: functions.prefetch,
    }),
    tracepointFormat: (subsystem, event) => {
      const text = firstText(`events/${subsystem}/${event}/format`);
      return text === undefined ? undefined : parseTracepointFormat(text);
    },
    rawTracepoint: (event) => {
      const name = `btf_trace_${event}`;
      if (prototypes.has(name)) return prototypes.get(name);
      const id = traces.get(name);
      return keep(name, id === undefined ? undefined : tracePrototype(types(), id, event));
    },
    hostNamespace,
    followPath: createPathCache(types),
    similarFunction: (name) => nearestName(name, namesOfKind(types(), "func")),
    similarTracepoint: (subsystem, event) =>
      nearestName(`${subsystem}/${event}`, tracepointNames()),
    prefetch: functions.prefetch,
    functionId: functions.get,
    rawTracepointId: (event) => traces.get(`btf_trace_${event}`),
    forgetTraceable: (name) => void untraceable.add(name),
  };
}

/** Remembers names found and not found, so that each is looked up once. */
function createNameCache(find: (names: Iterable<string>) => Map<string, number>) {
  const known = new Map<string, number | undefined>();
  const prefetch = (names: Iterable<string>) => {
    const missing = [...names].filter((name) => !known.has(name));
    if (missing.length === 0) return;
    const found = find(missing);
    for (const name of missing) known.set(name, found.get(name));
  };
  const get = (name: string) => {
    prefetch([name]);
    return known.get(name);
  };
  return { prefetch, get };
}

/** Remembers paths that were found; a module that is loaded later may have a structure that is missing. */
function createPathCache(types: () => Btf): PlanFacts["followPath"] {
  const structures = createNameCache((names) => findTypes(types(), structureKinds, names));
  const known = new Map<string, PathResult>();
  const typesOf = (root: TypeRoot): KernelTypes => {
    const module = "pointerTo" in root ? root.module : undefined;
    if (module === undefined) return { btf: types(), structure: structures.get };
    const btf = moduleTypes(module, types());
    return {
      btf,
      structure: (name) => findType(btf, structureKinds, name) ?? structures.get(name),
    };
  };
  return (root, path) => {
    const key = JSON.stringify([root, path]);
    const found = known.get(key) ?? followType(typesOf(root), root, path);
    if (found !== undefined) known.set(key, found);
    return found;
  };
}

/** A module that isn't loaded adds nothing to the kernel's types. */
function moduleTypes(module: string, kernel: Btf): Btf {
  return existsSync(`/sys/kernel/btf/${module}`) ? readModuleBtf(module, kernel) : kernel;
}

function tracePrototype(btf: Btf, id: number, event: string): Prototype {
  const prototype = tracepointPrototype(btf, id);
  if (prototype === undefined) throw new Error(`btf_trace_${event} is no pointer to a function`);
  return { name: event, ...prototype };
}

function tracepointNames(): string[] {
  const root = tracingFolders.find((folder) => isFolder(`${folder}/events`));
  if (root === undefined) return [];
  const folders = (path: string) =>
    readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders(`${root}/events`).flatMap(({ name: subsystem }) =>
    folders(`${root}/events/${subsystem}`).map(({ name }) => `${subsystem}/${name}`),
  );
}

function hostNamespace(name: NamespaceName): bigint {
  return statSync(`/proc/1/ns/${name}`, { bigint: true }).ino;
}

/** 10 MB of text: read only for functions that BTF lacks. */
function firstText(path: string): string | undefined {
  for (const folder of tracingFolders) {
    try {
      return readFileSync(`${folder}/${path}`, "utf8");
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return undefined;
}

/** Empty if the file doesn't exist: securityfs may not be mounted. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return "";
    throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    (error.code === "ENOENT" || error.code === "ENOTDIR")
  );
}
