// SPDX-License-Identifier: Apache-2.0
import type { FollowedPath } from "@gander/btf";
import { typeRow } from "@gander/crd-schemas";
import type { TypedArg, ValueRoute } from "../compiled-policy.ts";
import { registerOffsets, registerParts } from "../language/registers.ts";
import { type CType, readCType } from "./c-type.ts";

/** The C type that the value at the end of a path is read as: an array or a structure is its address. */
export function endOf({ type, value }: FollowedPath): CType {
  const name = readCType(type).name;
  switch (value.kind) {
    case "integer":
      return {
        name,
        kind: "integer",
        bits: value.size === 1 ? 8 : value.size === 2 ? 16 : value.size === 4 ? 32 : 64,
        signed: value.signed,
      };
    case "structure":
      return { name: `${name} *`, kind: "pointer" };
    case "array":
      return value.elementSize === 1 ? { name, kind: "pointer" } : { name, kind: "structure" };
    case "pointer":
      return { name, kind: "pointer" };
    case "other":
      return { name, kind: "void" };
  }
}

export function routeTo({ dereferences, offset, value }: FollowedPath, arg: TypedArg): ValueRoute {
  const source = arg.source ?? "argument";
  const at = { source, dereferences, offset } as const;
  const address = { size: 0, signed: false, bits: 0, shift: 0 } as const;
  if (value.kind === "integer") {
    const { size, signed, bits, shift } = value;
    return { ...at, size, signed, bits, shift, room: 0 };
  }
  if (value.kind !== "pointer")
    return { ...at, ...address, room: value.kind === "array" ? value.size : 0 };
  if (isPlainNumber(arg)) return { ...at, size: 8, signed: false, bits: 64, shift: 0, room: 0 };
  return {
    ...{ source, dereferences: [...dereferences, offset], offset: 0 },
    ...{ ...address, room: 0 },
  };
}

function isPlainNumber({ type }: TypedArg): boolean {
  const { family, structure } = typeRow(type);
  return family === "integer" && structure === undefined;
}

/** To what a register or its part holds, or to what it points to. */
export function routeFromRegister(arg: TypedArg): ValueRoute {
  const part = registerParts.get(arg.resolve ?? "");
  if (part === undefined) throw new RangeError(`there is no register ${arg.resolve}`);
  const { register, size, skip } = part;
  const offset = registerOffsets[register] + skip;
  const from = { source: "registers", signed: false, shift: 0, room: 0 } as const;
  if (isPlainNumber(arg) || arg.type === "fd" || arg.type === "nop")
    return { ...from, dereferences: [], offset, size, bits: size * 8 };
  return { ...from, dereferences: [offset], offset: 0, size: 0, bits: 0 };
}
