// SPDX-License-Identifier: Apache-2.0
import { hexText, type ProgramPlace } from "../language/program-place.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";

/** `NAME` or `NAME+0x10`. Undefined: it is wrong, or its shape was refused. */
export function readSymbol(text: string | undefined, place: Scope): ProgramPlace | undefined {
  // Its shape was refused.
  if (text === undefined) return undefined;
  const [, name = "", plus = "0"] =
    /^([^\p{Cc}\s+]+)(?:\+(0x[\da-f]{1,8}|\d{1,9}))?$/iu.exec(text) ?? [];
  if (name !== "" && name.length <= limits.symbolCharacters)
    return { by: "symbol", name, plus: Number(plus) };
  place.error(
    "policy-bad-name",
    `${JSON.stringify(text.slice(0, 80))} cannot be the name of a function`,
    "Write a name as in the program's table of symbols, or NAME+0x10 for a place behind its beginning.",
  );
  return undefined;
}

/** An offset in the file, or the address that the program is linked for. */
export function readNumber(
  number: number | undefined,
  by: "offset" | "address",
  place: Scope,
): ProgramPlace | undefined {
  if (number === undefined) return undefined;
  if (number > 0) return { by, name: hexText(number), plus: 0 };
  place.error(
    "policy-bad-value",
    `No function can be at ${by} 0`,
    "Take the number from `readelf -s` or `objdump -d`.",
  );
  return undefined;
}
