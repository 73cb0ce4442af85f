// SPDX-License-Identifier: Apache-2.0
import { argumentError, kernelError } from "./bpf-error.ts";
import type { CValue } from "./btf-value.ts";
import { type AttachType, attachTypes, numberOf } from "./kernel-names.ts";
import { BpfMap } from "./map.ts";
import { mapFlags } from "./map-shape.ts";
import { native } from "./native.ts";
import { type BpfObject, checkMapShape, findProgram } from "./object.ts";
import {
  type AttachTarget,
  findVariable,
  type ObjectSpec,
  type ProgramSpec,
  writeVariable,
} from "./object-spec.ts";
import { BpfProgram } from "./program.ts";
import { VerifierError } from "./verifier-error.ts";

export interface CloneOptions {
  /** The clone's name in the kernel, cut to 15 characters; the template's by default. */
  readonly name?: string;
  /**
   * Constants of this clone: variables of .rodata by name, over what the object was loaded with, or
   * the whole section's bytes. Left out: the template's own.
   */
  readonly rodata?: Readonly<Record<string, CValue>> | Uint8Array;
  /** For LSM, fentry, fexit, fmod_ret, tp_btf. By id: a name would need the kernel's types. */
  readonly attachTarget?: Exclude<AttachTarget, string>;
  /** "trace_fexit" from a "trace_fentry" template; the template's by default. */
  readonly attachType?: AttachType;
  /** Other maps in the places of the object's, by its names. */
  readonly maps?: Readonly<Record<string, BpfMap>>;
  /**
   * The kernel's number of a helper, and of the one that the clone calls in its place: the kernel may warn of a
   * helper in every program that names it, even where it never runs.
   */
  readonly helper?: { readonly from: number; readonly to: number };
}

const rodata = ".rodata";

/**
 * Loads a program of a loaded object once more, with other constants, another target, other maps.
 * libbpf has relocated it already, so this costs what the verifier costs: no ELF and no BTF is
 * parsed, and the clones share the object's BTF. The object must be open; the clone doesn't need it.
 * Throws VerifierError where the kernel refuses it.
 */
export function cloneProgram(
  object: BpfObject,
  template: string,
  options: CloneOptions = {},
): BpfProgram {
  const handle = object.handle;
  const program = findProgram(object.spec, template);
  const name = options.name ?? template;
  if (typeof name !== "string" || !/^[\w.]{1,255}$/.test(name))
    throw argumentError(
      `Cannot name a program "${name}": the kernel takes letters, digits, "_" and ".".`,
    );
  const attachType = options.attachType ?? program.attachType;
  using constants = options.rodata && frozenSection(object.spec, options.rodata);
  const maps = Object.entries({
    ...options.maps,
    ...(constants ? { [rodata]: constants } : {}),
  });
  for (const [mapName, map] of maps) checkMapShape(object.spec, mapName, map);
  const target = options.attachTarget;
  const fd = native().cloneProgram(
    handle,
    template,
    name,
    attachType === undefined ? 0 : numberOf(attachTypes, attachType, "attach type"),
    target?.btfId ?? 0,
    target?.module?.fd ?? null,
    maps.map(([mapName]) => mapName),
    maps.map(([, map]) => map.fd),
    options.helper?.from ?? 0,
    options.helper?.to ?? 0,
  );
  if (typeof fd === "number") throw cloneError(name, fd);
  return BpfProgram.fromFd(fd, { name, attachType, section: sectionOf(program, options) });
}

function cloneError(name: string, result: number): Error {
  const log = native().takeLog();
  if (log !== "") return new VerifierError(name, -result, log);
  return kernelError(result, "clone", `Cannot clone program "${name}"`, {
    ...(result === -2 && { hint: "Its template was not loaded with the object." }),
  });
}

/** The target that the template's section names isn't the clone's. */
function sectionOf(template: ProgramSpec, options: CloneOptions): string {
  return options.attachTarget === undefined
    ? template.section
    : (template.section.split("/")[0] ?? "");
}

/** Lives until the program is loaded, which holds it from then on. */
function frozenSection(
  spec: ObjectSpec,
  values: Readonly<Record<string, CValue>> | Uint8Array,
): BpfMap {
  const map = spec.maps.get(rodata);
  if (map?.initialValue === undefined)
    throw argumentError(`Object "${spec.name}" has no constants (${rodata}) to set.`);
  const bytes = sectionBytes(spec, values, map.initialValue);
  const section = BpfMap.create({
    type: "array",
    name: rodata,
    keySize: 4,
    valueSize: map.valueSize,
    maxEntries: 1,
    flags: mapFlags.readOnlyProgram,
  });
  try {
    section.set(new Uint8Array(4), bytes);
    section.freeze();
    return section;
  } catch (error) {
    section.close();
    throw error;
  }
}

function sectionBytes(
  spec: ObjectSpec,
  values: Readonly<Record<string, CValue>> | Uint8Array,
  initial: Uint8Array,
): Uint8Array {
  if (values instanceof Uint8Array) {
    if (values.byteLength === initial.byteLength) return values;
    throw argumentError(
      `Expected ${initial.byteLength} bytes as ${rodata} of object "${spec.name}", got ${values.byteLength}.`,
    );
  }
  const bytes = Uint8Array.from(initial);
  for (const [name, value] of Object.entries(values)) {
    const variable = findVariable(spec, name);
    if (variable.map !== rodata)
      throw argumentError(`Variable "${name}" is in ${variable.map}, not among the constants.`);
    writeVariable(spec, variable, value, bytes);
  }
  return bytes;
}
