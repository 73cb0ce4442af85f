// SPDX-License-Identifier: Apache-2.0

import type { Btf } from "./btf.ts";
import { type BtfError, typeError } from "./btf-error.ts";
import { type BtfMember, type BtfType, typeById, typeOfKind } from "./btf-type.ts";
import { typeToString } from "./type-to-string.ts";

const pointerBytes = 8;

/** A chain of types longer than this is a loop in broken data. */
const maxDepth = 64;

/** Looks through typedefs, const, volatile, restrict and type tags. */
export function resolveType(btf: Btf, id: number): BtfType {
  let type = typeById(btf, id);
  for (let depth = 0; depth < maxDepth; depth++) {
    switch (type.kind) {
      case "typedef":
      case "const":
      case "volatile":
      case "restrict":
      case "type_tag":
        type = typeById(btf, type.typeId);
        break;
      default:
        return type;
    }
  }
  throw endless(id);
}

function endless(id: number): BtfError {
  return typeError(`BTF type ${id} refers to itself.`);
}

/** Bytes of a value of that type; 0 for void, functions and types that are only declared. */
export function sizeOfType(btf: Btf, id: number): number {
  return size(btf, id, maxDepth);
}

function size(btf: Btf, id: number, depth: number): number {
  if (depth === 0) throw endless(id);
  const type = resolveType(btf, id);
  switch (type.kind) {
    case "int":
    case "float":
    case "struct":
    case "union":
    case "enum":
    case "enum64":
    case "datasec":
      return type.size;
    case "ptr":
      return pointerBytes;
    case "array":
      return type.length * size(btf, type.elementTypeId, depth - 1);
    case "var":
      return size(btf, type.typeId, depth - 1);
    default:
      return 0;
  }
}

/** A member of a struct or union, wherever it is nested. */
export interface BtfField {
  /** "f_path.dentry"; members of anonymous structs and unions stand as if they were direct ones. */
  readonly path: string;
  readonly typeId: number;
  readonly bitOffset: number;
  /** Of a bit field; 0 for others. */
  readonly bitSize: number;
  /** From the start of the outermost; of a bit field rounded down. */
  readonly offset: number;
  readonly size: number;
}

/** The direct members, those of anonymous structs and unions among them. */
export function fieldsOfType(btf: Btf, id: number): BtfField[] {
  let seen = 0;
  const fields = (inner: number, startBits: number, depth: number): BtfField[] => {
    if (depth === 0 || ++seen > maxMembers) throw endless(id);
    const members = membersOf(btf, inner);
    seen += members.length;
    return members.flatMap((member) => {
      const bitOffset = startBits + member.bitOffset;
      if (member.name === "" && member.bitSize === 0)
        return isComposite(btf, member.typeId) ? fields(member.typeId, bitOffset, depth - 1) : [];
      return fieldOf(btf, member, bitOffset);
    });
  };
  return fields(id, 0, maxDepth);
}

/** Of a struct with all that it holds. A depth alone is no bound: each could hold many that hold many. */
const maxMembers = 100_000;

function membersOf(btf: Btf, id: number): readonly BtfMember[] {
  const type = resolveType(btf, id);
  if (type.kind === "struct" || type.kind === "union") return type.members;
  throw typeError(`BTF type ${id} is a ${type.kind} and has no members.`);
}

function fieldOf(btf: Btf, { name, typeId, bitSize }: BtfMember, bitOffset: number): BtfField {
  const size = sizeOfType(btf, typeId);
  return { path: name, typeId, bitOffset, bitSize, offset: bitOffset >>> 3, size };
}

function isComposite(btf: Btf, id: number): boolean {
  const { kind } = resolveType(btf, id);
  return kind === "struct" || kind === "union";
}

/**
 * The member at a path, through nested structs and arrays: "f_path.dentry", "uid.val", "comm[3]".
 * Undefined where there is none, as on a kernel that has no such member. Pointers aren't followed.
 */
export function fieldAt(btf: Btf, id: number, path: string): BtfField | undefined {
  let typeId = id;
  let bits = 0;
  let field: BtfField | undefined;
  for (const step of path.split(/\.|(?=\[)/)) {
    const index = /^\[(\d+)\]$/.exec(step)?.[1];
    field = index === undefined ? member(btf, typeId, step) : element(btf, typeId, Number(index));
    if (field === undefined) return undefined;
    bits += field.bitOffset;
    typeId = field.typeId;
  }
  return field && { ...field, path, bitOffset: bits, offset: bits >>> 3 };
}

function member(btf: Btf, id: number, name: string): BtfField | undefined {
  if (!isComposite(btf, id)) return undefined;
  return fieldsOfType(btf, id).find((field) => field.path === name);
}

function element(btf: Btf, id: number, index: number): BtfField | undefined {
  const type = resolveType(btf, id);
  if (type.kind !== "array" || index >= type.length) return undefined;
  const size = sizeOfType(btf, type.elementTypeId);
  const bitOffset = index * size * 8;
  const typeId = type.elementTypeId;
  return { path: `[${index}]`, typeId, bitOffset, bitSize: 0, offset: bitOffset >>> 3, size };
}

export interface FunctionPrototype {
  readonly name: string;
  /** The function's own id: what a program is attached to. */
  readonly id: number;
  readonly returnTypeId: number;
  /** "void", "int", "struct file *" */
  readonly returnType: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly typeId: number;
    readonly type: string;
  }[];
  readonly isVariadic: boolean;
}

/** No kernel function has nearly as many; each may be a long text. */
const maxParameters = 255;

/** What a function takes and gives; `id` is that of the func, not of its prototype. */
export function functionPrototype(btf: Btf, id: number): FunctionPrototype {
  const { name, typeId } = typeOfKind(btf, id, "func");
  const { returnTypeId, parameters } = typeOfKind(btf, typeId, "func_proto");
  if (parameters.length > maxParameters)
    throw typeError(`BTF type ${id} has ${parameters.length} parameters.`);
  const last = parameters.at(-1);
  const isVariadic = last !== undefined && last.typeId === 0;
  return {
    name,
    id,
    returnTypeId,
    returnType: typeToString(btf, returnTypeId),
    parameters: withTypes(btf, isVariadic ? parameters.slice(0, -1) : parameters),
    isVariadic,
  };
}

/**
 * What a raw tracepoint hands on; `id` is that of `btf_trace_NAME`, a typedef of a pointer to a function
 * that takes a data pointer first. Undefined: it isn't that.
 */
export function tracepointPrototype(
  btf: Btf,
  id: number,
): Pick<FunctionPrototype, "returnType" | "parameters"> | undefined {
  const pointer = resolveType(btf, id);
  if (pointer.kind !== "ptr") return undefined;
  const { parameters, returnTypeId } = typeOfKind(btf, pointer.typeId, "func_proto");
  if (parameters.length > maxParameters) return undefined;
  return {
    returnType: typeToString(btf, returnTypeId),
    parameters: withTypes(btf, parameters.slice(1)),
  };
}

function withTypes(
  btf: Btf,
  parameters: readonly { readonly name: string; readonly typeId: number }[],
): FunctionPrototype["parameters"] {
  return parameters.map((parameter) => ({
    ...parameter,
    type: typeToString(btf, parameter.typeId),
  }));
}
