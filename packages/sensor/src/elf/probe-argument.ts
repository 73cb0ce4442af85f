// SPDX-License-Identifier: Apache-2.0
import { type ProbeArgument, type RegisterName, registerParts } from "@gander/policy";

type Size = 1 | 2 | 4 | 8;
type Width = { readonly size: Size; readonly signed: boolean };
type Unreadable = { readonly why: string };

/** What the arguments of one place of a probe may refer to. */
type Place = {
  /** As the program is linked. */
  readonly address: number;
  /** The address of a variable of the program. */
  addressOf(variable: string): number | undefined;
};

/** More than programs can pass (sys/sdt.h). */
const maxArguments = 12;

/**
 * Where a probe has its arguments, by the text in its note: `SIZE@OPERAND` each, where a negative size means
 * signed and the operand is what the assembler got (AT&T notation).
 */
export function readProbeArguments(text: string, place: Place): readonly ProbeArgument[] {
  const words = text.split(/\s+/).filter((word) => word !== "");
  return words.slice(0, maxArguments).map((word) => {
    const found = readArgument(word, place);
    return "why" in found ? { in: "nothing", text: word.slice(0, 80), why: found.why } : found;
  });
}

function readArgument(word: string, place: Place): ProbeArgument | Unreadable {
  const [, minus, digits, float, operand = ""] = /^(-?)(\d+)(f?)@(.+)$/.exec(word) ?? [];
  if (digits === undefined) return { why: "it does not say how many bytes it has" };
  const size = Number(digits);
  if (float !== "" || /^%[xyz]?mm/.test(operand))
    return { why: "it is a floating-point number, and the kernel does not show those registers" };
  if (!isSize(size)) return { why: `it has ${digits.slice(0, 8)} bytes, not 1, 2, 4 or 8` };
  const width = { size, signed: minus !== "" };
  if (operand.startsWith("$")) return readConstant(operand.slice(1), width);
  if (operand.startsWith("%")) return readRegister(operand.slice(1), width);
  return readMemory(operand, width, place);
}

const isSize = (size: number): size is Size => [1, 2, 4, 8].includes(size);

function readConstant(text: string, { size, signed }: Width): ProbeArgument | Unreadable {
  const value = readNumber(text);
  if (value === undefined) return { why: "its constant is no number" };
  const bits = size * 8;
  return {
    in: "constant",
    value: signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value),
    size,
  };
}

/** Longer ones are beyond 64 bits. */
function readNumber(text: string): bigint | undefined {
  const [, minus, digits] = /^([+-]?)(0x[\da-f]{1,16}|\d{1,20})$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return minus === "-" ? -BigInt(digits) : BigInt(digits);
}

function readRegister(name: string, { size, signed }: Width): ProbeArgument | Unreadable {
  const part = partNamed(name);
  if (part === undefined) return { why: `${name.slice(0, 16)} is no register for whole numbers` };
  const { register, skip } = part;
  return { in: "register", register, skip, size: Math.min(size, part.size) as Size, signed };
}

/** Only registers for whole numbers. */
function partNamed(name: string) {
  const part = registerParts.get(name);
  return part !== undefined && /^r(?!ip)/.test(part.register) ? part : undefined;
}

const shifts: Readonly<Record<string, 0 | 1 | 2 | 3>> = { 1: 0, 2: 1, 4: 2, 8: 3 };

/** `DISPLACEMENT(BASE,INDEX,SCALE)`, each of which may be left out. */
function readMemory(text: string, width: Width, place: Place): ProbeArgument | Unreadable {
  const [, before = "", inside] = /^([^()]*)\(([^()]*)\)$/.exec(text) ?? [];
  if (inside === undefined)
    return { why: "it is neither a constant, a register nor memory near one" };
  if (before.includes(":"))
    return { why: "it is in a segment of its own, such as memory of a thread" };
  if (inside === "%rip") return readVariable(before, width, place);
  const [base = "", index = "", scale = "1", ...more] = inside.split(",");
  const shift = shifts[scale];
  const displacement = before === "" ? 0n : readNumber(before);
  if (displacement === undefined || BigInt.asIntN(32, displacement) !== displacement)
    return { why: "its distance from the register is no number of 32 bits" };
  const [baseName, indexName] = [wholeRegister(base), wholeRegister(index)];
  const isKnown = (base === "" || baseName) && (index === "" || indexName);
  if (!isKnown || !(baseName ?? indexName) || shift === undefined || more.length > 0)
    return { why: "its address is not that of a whole register, or of two" };
  return {
    ...{ in: "memory", ...width, shift, displacement: Number(displacement) },
    ...(baseName && { base: baseName }),
    ...(indexName && { index: indexName }),
  };
}

function wholeRegister(text: string): RegisterName | undefined {
  const part = text.startsWith("%") ? partNamed(text.slice(1)) : undefined;
  return part?.size === 8 ? part.register : undefined;
}

/** `NAME+4(%rip)`: a variable of the program, at the same distance from the place wherever it is loaded. */
function readVariable(text: string, width: Width, place: Place): ProbeArgument | Unreadable {
  const terms = text.match(/[+-]?[^+-]+/g) ?? [];
  const names = terms.filter((term) => readNumber(term) === undefined);
  const [name = ""] = names;
  if (names.length !== 1 || !/^\+?[A-Za-z_.$][\w.$]*$/.test(name))
    return { why: "its address is not that of one variable of the program" };
  const variable = name.replace("+", "");
  const address = place.addressOf(variable);
  if (address === undefined)
    return { why: `the program's symbols do not say where ${variable} is` };
  const plus = terms.reduce((sum, term) => sum + Number(readNumber(term) ?? 0n), 0);
  const displacement = address + plus - place.address;
  if (!Number.isSafeInteger(displacement)) return { why: `${variable} is at no possible address` };
  return { in: "memory", ...width, base: "rip", shift: 0, displacement };
}
