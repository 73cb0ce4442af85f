// SPDX-License-Identifier: Apache-2.0
import { argumentError, closedError, kernelError } from "./bpf-error.ts";
import { checked } from "./handle.ts";
import { attachTypes, mapTypes, numberOf, programTypes } from "./kernel-names.ts";
import { BpfMap } from "./map.ts";
import {
  type NativeMapDeclaration,
  type NativeObject,
  type NativeProgramDeclaration,
  native,
} from "./native.ts";
import type { AttachTarget, MapSpec, ObjectSpec, ProgramSpec } from "./object-spec.ts";
import { BpfProgram } from "./program.ts";
import { findVerifierLog, VerifierError } from "./verifier-error.ts";

export interface LoadOptions {
  /** Maps to use instead of new ones, by the names in the object; they stay the caller's. */
  readonly maps?: Readonly<Record<string, BpfMap>>;
  /** Shapes for what maps of maps will hold, where the object doesn't say. */
  readonly innerMaps?: Readonly<Record<string, BpfMap>>;
}

/**
 * Brings an object into the kernel: its maps and the programs whose spec says so. Throws
 * VerifierError where the kernel refuses a program, BpfError else; then nothing is left behind but
 * maps that were pinned.
 */
export function loadObject(spec: ObjectSpec, options: LoadOptions = {}): BpfObject {
  const handle = native().objectOpen(spec.bytes, spec.name, null);
  if (typeof handle === "number") throw loadError(spec, handle);
  try {
    const declared = native().objectDescribe(handle);
    for (const map of declared.maps) configureMap(handle, spec, map.section ?? map.name, map);
    useMaps(handle, spec, options);
    for (const program of declared.programs) configureProgram(handle, spec, program);
    const result = native().objectLoad(handle);
    if (result < 0) throw loadError(spec, result);
    return new BpfObject(handle, copySpec(spec));
  } catch (error) {
    native().objectClose(handle);
    throw error;
  }
}

/** What libbpf said meanwhile says more than the number. */
function loadError(spec: ObjectSpec, result: number): Error {
  const log = native().takeLog();
  const refused = findVerifierLog(log);
  if (refused !== undefined) return new VerifierError(refused.program, -result, refused.log);
  return kernelError(result, "load", `Cannot load object "${spec.name}"`, { log });
}

// enum map_field in native/object-settings.c
const mapFields = {
  type: 0,
  keySize: 1,
  valueSize: 2,
  maxEntries: 3,
  flags: 4,
  create: 5,
} as const;

/** Only changes: libbpf drops a map's types when its size is set, even to the same value. */
function configureMap(
  handle: NativeObject,
  spec: ObjectSpec,
  key: string,
  declared: NativeMapDeclaration,
): void {
  const map = spec.maps.get(key) as MapSpec;
  const values = { ...map, type: numberOf(mapTypes, map.type, "map type"), create: +map.create };
  const before = { ...declared, create: +declared.autocreate };
  for (const [name, number] of Object.entries(mapFields)) {
    const field = name as keyof typeof mapFields;
    const value = values[field];
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
      throw argumentError(`Map "${key}" of object "${spec.name}": ${field} can't be ${value}.`);
    if (value !== before[field])
      expect(native().objectSetMap(handle, key, number, value), spec, `${field} of map "${key}"`);
  }
  const { initialValue, pinPath = null } = map;
  if (initialValue && Buffer.compare(initialValue, declared.initialValue ?? Buffer.alloc(0)) !== 0)
    expect(
      native().objectSetInitialValue(handle, key, initialValue),
      spec,
      `the initial value of map "${key}"`,
    );
  if (pinPath !== declared.pinPath)
    expect(native().objectSetPinPath(handle, key, pinPath), spec, `the pin path of map "${key}"`);
}

function useMaps(handle: NativeObject, spec: ObjectSpec, options: LoadOptions): void {
  for (const [name, map] of Object.entries(options.maps ?? {})) {
    checkMapShape(spec, name, map);
    expect(native().objectReuseMap(handle, name, map.fd), spec, `map "${name}"`);
  }
  for (const [name, map] of Object.entries(options.innerMaps ?? {})) {
    checkMapName(spec, name);
    expect(native().objectSetInnerMap(handle, name, map.fd), spec, `the inner map of "${name}"`);
  }
}

function configureProgram(
  handle: NativeObject,
  spec: ObjectSpec,
  declared: NativeProgramDeclaration,
): void {
  const { name, type, attachType, attachTarget, load } = findProgram(spec, declared.name);
  expect(native().objectSetAutoload(handle, name, load), spec, `program "${name}"`);
  if (!load) return;
  const typeNumber = numberOf(programTypes, type, "program type");
  const attachNumber =
    attachType === undefined ? 0 : numberOf(attachTypes, attachType, "attach type");
  if (typeNumber !== declared.type || attachNumber !== declared.expectedAttachType)
    expect(
      native().objectSetProgramType(handle, name, typeNumber, attachNumber),
      spec,
      `the type of program "${name}"`,
    );
  if (attachTarget !== undefined) setTarget(handle, spec, name, attachTarget);
}

function setTarget(
  handle: NativeObject,
  spec: ObjectSpec,
  name: string,
  target: AttachTarget,
): void {
  const [where, owner] =
    typeof target === "string" ? [target, null] : [target.btfId, target.module?.fd ?? null];
  expect(
    native().objectSetAttachTarget(handle, name, where, owner),
    spec,
    `the target ${where} of program "${name}"`,
  );
}

function expect(result: number, spec: ObjectSpec, what: string): void {
  if (result >= 0) return;
  const log = native().takeLog();
  throw kernelError(result, "configure", `Cannot set ${what} in object "${spec.name}"`, { log });
}

/** What it was loaded with, whatever the caller does with the spec afterwards. */
function copySpec(spec: ObjectSpec): ObjectSpec {
  return {
    ...spec,
    maps: new Map(
      [...spec.maps].map(([key, map]) => [
        key,
        { ...map, initialValue: map.initialValue && Uint8Array.from(map.initialValue) },
      ]),
    ),
    programs: new Map([...spec.programs].map(([name, program]) => [name, { ...program }])),
  };
}

function checkMapName(spec: ObjectSpec, name: string): void {
  if (spec.maps.has(name)) return;
  throw argumentError(
    `Object "${spec.name}" has no map "${name}".`,
    `Its maps: ${[...spec.maps.keys()].join(", ")}`,
  );
}

/** libbpf would accept any map, so the shape is checked here; the number of entries may differ. */
export function checkMapShape(spec: ObjectSpec, name: string, map: BpfMap): void {
  checkMapName(spec, name);
  for (const field of ["type", "keySize", "valueSize"] as const) {
    const wanted = spec.maps.get(name)?.[field];
    if (map.shape[field] !== wanted)
      throw argumentError(
        `Cannot use map "${map.name}" as "${name}" of object "${spec.name}": its ${field} is ${map.shape[field]}, not ${wanted}.`,
      );
  }
}

/**
 * A loaded object. It owns the maps and programs it hands out: they are closed with it, unless
 * cloned. Attached or pinned programs continue without it.
 */
export class BpfObject implements Disposable {
  /** As it was when the object was loaded. */
  readonly spec: ObjectSpec;
  #handle: NativeObject | undefined;
  readonly #maps = new Map<string, BpfMap>();
  readonly #programs = new Map<string, BpfProgram>();

  /** For loadObject(). */
  constructor(handle: NativeObject, spec: ObjectSpec) {
    this.#handle = handle;
    this.spec = spec;
  }

  get name(): string {
    return this.spec.name;
  }

  /** For other parts of this package. */
  get handle(): NativeObject {
    if (this.#handle === undefined) throw closedError(`object "${this.spec.name}"`);
    return this.#handle;
  }

  get closed(): boolean {
    return this.#handle === undefined;
  }

  /** A map by its name, or by its section (".rodata", ".bss"). Throws where there is none. */
  map(name: string): BpfMap {
    const known = this.#maps.get(name);
    if (known !== undefined && !known.closed) return known;
    const handle = this.handle;
    checkMapName(this.spec, name);
    const fd = native().objectMap(handle, name);
    const map = BpfMap.fromFd(
      checked(fd, "map", `Map "${name}" of object "${this.name}" was not created`),
      name,
    );
    this.#maps.set(name, map);
    return map;
  }

  /** A loaded program. Throws where there is none, or its spec said not to load it. */
  program(name: string): BpfProgram {
    const known = this.#programs.get(name);
    if (known !== undefined && !known.closed) return known;
    const handle = this.handle;
    const spec = findProgram(this.spec, name);
    const fd = native().objectProgram(handle, name);
    const program = BpfProgram.fromFd(
      checked(fd, "program", `Program "${name}" of object "${this.name}" was not loaded`),
      spec,
    );
    this.#programs.set(name, program);
    return program;
  }

  close(): void {
    native().objectClose(this.handle);
    this.#handle = undefined;
    for (const owned of [...this.#maps.values(), ...this.#programs.values()])
      owned[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (!this.closed) this.close();
  }
}

export function findProgram(spec: ObjectSpec, name: string): ProgramSpec {
  const program = spec.programs.get(name);
  if (program !== undefined) return program;
  throw argumentError(
    `Object "${spec.name}" has no program "${name}".`,
    `Its programs: ${[...spec.programs.keys()].join(", ")}`,
  );
}
