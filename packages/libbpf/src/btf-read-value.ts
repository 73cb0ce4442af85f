// SPDX-License-Identifier: Apache-2.0

import type { Btf } from "@gander/btf";
import { type BtfField, fieldsOfType, resolveType, sizeOfType, typeToString } from "@gander/btf";
import { argumentError } from "./bpf-error.ts";

/** What readValue gives: numbers up to 32 bits, BigInts beyond, strings for arrays of char. */
export type ReadValue =
  | number
  | bigint
  | boolean
  | string
  | readonly ReadValue[]
  | { readonly [member: string]: ReadValue };

/**
 * A C value of that type, from the start of `bytes`. Enums are given by name where the value has
 * one. For looking at a few values; for many, read at the offsets that fieldAt() gives.
 */
export function readValue(btf: Btf, typeId: number, bytes: Uint8Array): ReadValue {
  const type = resolveType(btf, typeId);
  const size = sizeOfType(btf, typeId);
  if (bytes.byteLength < size)
    throw argumentError(
      `Expected ${size} bytes for ${typeToString(btf, typeId)}, got ${bytes.byteLength}.`,
    );
  switch (type.kind) {
    case "int":
      return type.isBool ? bytes[0] !== 0 : integer(bytes, 0, size * 8, type.signed);
    case "ptr":
      return integer(bytes, 0, 64, false);
    case "enum":
    case "enum64": {
      const value = integer(bytes, 0, size * 8, type.signed);
      return type.values.find((named) => named.value === BigInt(value))?.name ?? value;
    }
    case "array":
      return readArray(btf, type.elementTypeId, type.length, bytes);
    case "struct":
    case "union":
      return Object.fromEntries(
        fieldsOfType(btf, typeId).map((field) => [field.path, readField(btf, field, bytes)]),
      );
    default:
      throw argumentError(`There are no values of ${typeToString(btf, typeId)}.`);
  }
}

function readField(btf: Btf, field: BtfField, bytes: Uint8Array): ReadValue {
  if (field.bitSize === 0) return readValue(btf, field.typeId, bytes.subarray(field.offset));
  const type = resolveType(btf, field.typeId);
  return integer(bytes, field.bitOffset, field.bitSize, "signed" in type && type.signed);
}

function readArray(btf: Btf, typeId: number, length: number, bytes: Uint8Array): ReadValue {
  const type = resolveType(btf, typeId);
  if (type.kind === "int" && type.size === 1 && type.name === "char") {
    const end = bytes.subarray(0, length).indexOf(0);
    return Buffer.from(bytes.subarray(0, end < 0 ? length : end)).toString("utf8");
  }
  const size = sizeOfType(btf, typeId);
  return Array.from({ length }, (_, index) => readValue(btf, typeId, bytes.subarray(index * size)));
}

function integer(bytes: Uint8Array, from: number, bits: number, signed: boolean): number | bigint {
  let value = 0n;
  for (let at = (from + bits - 1) >>> 3; at >= from >>> 3; at--)
    value = (value << 8n) | BigInt(bytes[at] as number);
  value >>= BigInt(from & 7);
  value = signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
  return bits <= 32 ? Number(value) : value;
}
