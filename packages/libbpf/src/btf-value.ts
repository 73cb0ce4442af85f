// SPDX-License-Identifier: Apache-2.0

import type { Btf } from "@gander/btf";
import { fieldsOfType, resolveType, sizeOfType, typeToString } from "@gander/btf";
import { argumentError } from "./bpf-error.ts";

/**
 * A C value in JavaScript: numbers, BigInts or booleans for integers and enums (an enum also by
 * name), strings or bytes for arrays of char, arrays, objects for structs and unions; bytes for any.
 */
export type CValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | readonly CValue[]
  | { readonly [member: string]: CValue };

/**
 * Writes a value of the type at the start of `bytes`. What an object or array leaves out stays as
 * it is; a string is ended by NULs. Throws where a name is unknown or a number doesn't fit.
 */
export function writeValue(btf: Btf, typeId: number, value: CValue, bytes: Uint8Array): void {
  write(btf, typeId, value, bytes, "value");
}

function write(btf: Btf, typeId: number, value: CValue, bytes: Uint8Array, at: string): void {
  const type = resolveType(btf, typeId);
  if (value instanceof Uint8Array) {
    writeBytes(value, bytes, sizeOfType(btf, typeId), at);
    return;
  }
  switch (type.kind) {
    case "int":
      writeInteger(value, bytes, type.size, type.signed, at);
      break;
    case "ptr":
      writeInteger(value, bytes, 8, false, at);
      break;
    case "enum":
    case "enum64": {
      const named = type.values.find(({ name }) => name === value);
      writeInteger(named?.value ?? value, bytes, type.size, type.signed, at);
      break;
    }
    case "array":
      writeArray(btf, type, value, bytes, at);
      break;
    case "struct":
    case "union":
      writeMembers(btf, typeId, value, bytes, at);
      break;
    default:
      throw argumentError(`Cannot write ${at}: no values of ${typeToString(btf, typeId)}.`);
  }
}

function writeBytes(value: Uint8Array, bytes: Uint8Array, size: number, at: string): void {
  if (value.byteLength !== size)
    throw argumentError(`Cannot write ${at}: ${value.byteLength} bytes given, it has ${size}.`);
  bytes.set(value);
}

function writeInteger(
  value: CValue,
  bytes: Uint8Array,
  size: number,
  signed: boolean,
  at: string,
): void {
  const integer = toBigInt(value, at);
  const bits = size * 8;
  // Either reading of the bits is welcome: 0xffffffff and -1 are one for people.
  if (BigInt.asIntN(bits, integer) !== integer && BigInt.asUintN(bits, integer) !== integer)
    throw argumentError(`Cannot write ${at}: ${integer} doesn't fit into ${bits} bits.`);
  if (!signed && integer < 0n && typeof value !== "bigint")
    throw argumentError(`Cannot write ${at}: ${integer} is negative, it is unsigned.`);
  for (let i = 0, rest = BigInt.asUintN(bits, integer); i < size; i++, rest >>= 8n)
    bytes[i] = Number(rest & 0xffn);
}

function toBigInt(value: CValue, at: string): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  throw argumentError(`Cannot write ${at}: ${describe(value)} is not an integer.`);
}

function writeArray(
  btf: Btf,
  type: { readonly elementTypeId: number; readonly length: number },
  value: CValue,
  bytes: Uint8Array,
  at: string,
): void {
  const size = sizeOfType(btf, type.elementTypeId);
  if (typeof value === "string" && size === 1) {
    writeText(value, bytes, type.length, at);
    return;
  }
  if (!Array.isArray(value) || value.length > type.length)
    throw argumentError(`Cannot write ${at}: expected an array of at most ${type.length}.`);
  value.forEach((element: CValue, index) => {
    const from = index * size;
    write(btf, type.elementTypeId, element, bytes.subarray(from, from + size), `${at}[${index}]`);
  });
}

function writeText(value: string, bytes: Uint8Array, length: number, at: string): void {
  const text = Buffer.from(value, "utf8");
  if (text.length > length)
    throw argumentError(`Cannot write ${at}: "${value}" is longer than ${length} bytes.`);
  bytes.fill(0, 0, length);
  bytes.set(text);
}

function writeMembers(
  btf: Btf,
  typeId: number,
  value: CValue,
  bytes: Uint8Array,
  at: string,
): void {
  if (typeof value !== "object" || Array.isArray(value))
    throw argumentError(`Cannot write ${at}: expected an object, got ${describe(value)}.`);
  const fields = new Map(fieldsOfType(btf, typeId).map((field) => [field.path, field]));
  for (const [name, part] of Object.entries(value)) {
    const field = fields.get(name);
    if (field === undefined)
      throw argumentError(
        `Cannot write ${at}: ${typeToString(btf, typeId)} has no member "${name}".`,
        `Its members: ${[...fields.keys()].join(", ")}`,
      );
    if (field.bitSize !== 0) throw argumentError(`Cannot write ${at}.${name}: it is a bit field.`);
    const target = bytes.subarray(field.offset, field.offset + field.size);
    write(btf, field.typeId, part, target, `${at}.${name}`);
  }
}

function describe(value: CValue): string {
  return typeof value === "object" ? "an object" : `${JSON.stringify(value)}`;
}
