// SPDX-License-Identifier: Apache-2.0

import { type Btf, parseBtf, typeById, typeOfKind } from "@gander/btf";
import { argumentError, kernelError } from "./bpf-error.ts";
import { type CValue, writeValue } from "./btf-value.ts";
import {
  type AttachType,
  attachTypes,
  type MapType,
  mapTypes,
  nameOf,
  type ProgramType,
  programTypes,
} from "./kernel-names.ts";
import type { MapShape } from "./map-shape.ts";
import type { ModuleBtf } from "./module-btf.ts";
import { type NativeMapDeclaration, type NativeProgramDeclaration, native } from "./native.ts";

/** A map that an object declares; edit it before loading. */
export type MapSpec = { -readonly [K in keyof MapShape]: MapShape[K] } & {
  /** Whether loading makes one; a program that uses it fails to load otherwise. */
  create: boolean;
  /** Where loading looks for a pinned one and pins a new one; undefined: not pinned. */
  pinPath: string | undefined;
  /** Of .rodata, .data and .bss: what they start with, in place. Set by setVariables(). */
  readonly initialValue: Uint8Array | undefined;
};

/** What an LSM, fentry, fexit, fmod_ret or tp_btf program is loaded for. */
export type AttachTarget =
  /** A function, looked up by libbpf; costs a pass through the kernel's BTF for each program. */
  | string
  /** Its id in the kernel's BTF, or in that of a module: see openModuleBtf(). */
  | { readonly btfId: number; readonly module?: ModuleBtfHandle };

/** The kernel's own copy of a module's BTF. */
export type ModuleBtfHandle = Pick<ModuleBtf, "fd">;

/** A program that an object holds; edit it before loading. */
export interface ProgramSpec {
  readonly name: string;
  readonly section: string;
  readonly instructions: number;
  type: ProgramType;
  /** Undefined where its type has no choice, as for kprobes. */
  attachType: AttachType | undefined;
  /** Whether it is loaded; false at first where its section begins with "?". */
  load: boolean;
  /** Undefined: the one its section names. */
  attachTarget: AttachTarget | undefined;
}

export interface VariableSpec {
  readonly name: string;
  /** The map that holds it: ".rodata", ".data", ".bss". */
  readonly map: string;
  readonly offset: number;
  readonly size: number;
  readonly typeId: number;
}

/**
 * What an object file declares, as plain data. Nothing of it is in the kernel before loadObject();
 * one spec can be loaded many times.
 */
export interface ObjectSpec {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The object's own types; undefined if it was compiled without -g. */
  readonly btf: Btf | undefined;
  /** By name; maps of global variables by their section (".rodata"). */
  readonly maps: ReadonlyMap<string, MapSpec>;
  readonly programs: ReadonlyMap<string, ProgramSpec>;
  readonly variables: ReadonlyMap<string, VariableSpec>;
}

/** Reads an object file compiled for BPF. `name` is the first part of its maps' kernel names. */
export function readObject(bytes: Uint8Array, name: string): ObjectSpec {
  if (!(bytes instanceof Uint8Array))
    throw argumentError("Expected the object file as a Uint8Array.");
  if (typeof name !== "string" || !/^[\w.-]{1,64}$/.test(name))
    throw argumentError(
      `Cannot name an object "${name}": up to 64 letters, digits, "_", "." and "-".`,
    );
  const copy = Uint8Array.from(bytes);
  const { maps, programs, btf: btfBytes } = declarations(copy, name);
  const btf = btfBytes === null ? undefined : parseBtf(btfBytes);
  return {
    name,
    bytes: copy,
    btf,
    maps: new Map(maps.map((map) => [map.section ?? map.name, mapSpec(map)])),
    programs: new Map(programs.map((program) => [program.name, programSpec(program)])),
    variables: btf === undefined ? new Map() : readVariables(btf, maps),
  };
}

function declarations(bytes: Uint8Array, name: string) {
  const object = native().objectOpen(bytes, name, null);
  if (typeof object === "number") {
    const log = native().takeLog();
    throw kernelError(object, "open", `Cannot open object "${name}"`, { log });
  }
  const result = native().objectDescribe(object);
  native().objectClose(object);
  return result;
}

function mapSpec(map: NativeMapDeclaration): MapSpec {
  const { name, keySize, valueSize, maxEntries, flags } = map;
  return {
    name,
    type: nameOf(mapTypes, map.type) as MapType,
    keySize,
    valueSize,
    maxEntries,
    flags,
    create: map.autocreate,
    pinPath: map.pinPath ?? undefined,
    // A plain Uint8Array: slice() of a Buffer is no copy.
    initialValue: map.initialValue === null ? undefined : Uint8Array.from(map.initialValue),
  };
}

function programSpec(program: NativeProgramDeclaration): ProgramSpec {
  const { name, section, instructions, type, expectedAttachType, autoload } = program;
  return {
    name,
    section,
    instructions,
    type: nameOf(programTypes, type) as ProgramType,
    attachType: attachTypeOf(type, expectedAttachType),
    load: autoload,
    attachTarget: undefined,
  };
}

/** 0 is both "none" and the first attach type, which only cgroup_skb programs have. */
function attachTypeOf(type: number, attachType: number): AttachType | undefined {
  const has = attachType !== 0 || programTypes[type] === "cgroup_skb";
  return has ? (nameOf(attachTypes, attachType) as AttachType) : undefined;
}

/** Where each global variable lies; clang lists them in DATASEC types, one for each section. */
function readVariables(
  btf: Btf,
  maps: readonly NativeMapDeclaration[],
): ReadonlyMap<string, VariableSpec> {
  const sections = new Set(maps.map((map) => map.section));
  const variables = new Map<string, VariableSpec>();
  for (let id = btf.firstId; id < btf.endId; id++) {
    const type = typeById(btf, id);
    if (type.kind !== "datasec" || !sections.has(type.name)) continue;
    for (const { typeId, offset, size } of type.variables) {
      const variable = typeOfKind(btf, typeId, "var");
      const { name } = variable;
      variables.set(name, { name, map: type.name, offset, size, typeId: variable.typeId });
    }
  }
  return variables;
}

/**
 * Sets what global variables start with. Those of .rodata are constants once the object is loaded:
 * the verifier removes branches that don't apply. Throws on unknown names and values that don't fit.
 */
export function setVariables(spec: ObjectSpec, values: Readonly<Record<string, CValue>>): void {
  for (const [name, value] of Object.entries(values)) {
    const variable = findVariable(spec, name);
    const bytes = spec.maps.get(variable.map)?.initialValue;
    if (bytes === undefined)
      throw argumentError(`Cannot set variable "${name}": ${variable.map} has no initial value.`);
    writeVariable(spec, variable, value, bytes);
  }
}

/** Writes a variable's value into bytes of its section. */
export function writeVariable(
  spec: ObjectSpec,
  variable: VariableSpec,
  value: CValue,
  section: Uint8Array,
): void {
  const { name, offset, size, typeId } = variable;
  try {
    writeValue(spec.btf as Btf, typeId, value, section.subarray(offset, offset + size));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw argumentError(`Cannot set variable "${name}" of object "${spec.name}": ${reason}`);
  }
}

export function findVariable(spec: ObjectSpec, name: string): VariableSpec {
  const variable = spec.variables.get(name);
  if (variable !== undefined) return variable;
  throw argumentError(
    `Object "${spec.name}" has no variable "${name}".`,
    `Its variables: ${[...spec.variables.keys()].join(", ")}`,
  );
}
