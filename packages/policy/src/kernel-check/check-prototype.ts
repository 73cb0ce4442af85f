// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { type ArgType, argTypeRows, typeRow } from "@gander/crd-schemas";
import type { CompiledArg, TypedArg, TypedHook } from "../compiled-policy.ts";
import type { CType } from "./c-type.ts";
import { readCType } from "./c-type.ts";

/** A function of a kernel as its BTF describes it; types in C notation. */
export type Prototype = {
  readonly name: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly type: string;
    /** In the kernel's BTF. */
    readonly typeId: number;
  }[];
  readonly returnType: string;
};

/** One mismatch between a hook and a function; `path` is that in the policy. */
type Disagreement = Pick<Problem, "path" | "code" | "message" | "hint" | "severity">;

/**
 * Whether a hook's arguments match the kernel's function: an error if a value of the wrong kind would be
 * read, a warning if one of another width. Not for system calls, whose wrapper hides the arguments.
 */
export function checkPrototype(hook: TypedHook, prototype: Prototype): readonly Disagreement[] {
  const found = hook.args.flatMap((arg, i) => {
    if (arg.source !== undefined) return [];
    const path = `${hook.path}.args[${i}]`;
    return [...checkArg(arg, prototype, path), ...checkSize(arg, prototype, path)];
  });
  return hook.returnArg ? [...found, ...checkReturn(hook, hook.returnArg, prototype)] : found;
}

const disagreement = (
  severity: "error" | "warning",
  path: string,
  message: string,
  hint: string,
): Disagreement => ({ path, code: "kernel-argument", message, hint, severity });

/** The error of an argument beyond the last one. */
export function beyondLast(index: number, prototype: Prototype, path: string): Disagreement {
  const { name, parameters } = prototype;
  const count =
    parameters.length === 0
      ? "no arguments"
      : parameters.length === 1
        ? "one argument"
        : `${parameters.length} arguments`;
  return disagreement(
    "error",
    `${path}.index`,
    `${name} takes ${count}, so none with index ${index}`,
    `It is ${prototypeText(prototype)}.`,
  );
}

function checkArg(arg: TypedArg, prototype: Prototype, path: string): readonly Disagreement[] {
  const { name, parameters } = prototype;
  const parameter = parameters[arg.index];
  if (!parameter) return [beyondLast(arg.index, prototype, path)];
  // What a path leads to was compared when it was followed.
  if (arg.resolve !== undefined || arg.btfType !== undefined) return [];
  const type = readCType(parameter.type);
  const verdict = compareTypes(arg.type, type);
  if (verdict === "same") return [];
  const message =
    verdict === "wrong"
      ? `argument ${arg.index} of ${name} is a ${type.name}, not a ${arg.type}`
      : `argument ${arg.index} of ${name} is a ${type.name}, which is not as wide as ${arg.type}`;
  return [
    disagreement(
      verdict === "wrong" ? "error" : "warning",
      `${path}.type`,
      message,
      `${suggestion(type)} It is ${prototypeText(prototype)}.`,
    ),
  ];
}

function checkSize(arg: CompiledArg, prototype: Prototype, path: string): readonly Disagreement[] {
  if (arg.sizeIndex === undefined) return [];
  const parameter = prototype.parameters[arg.sizeIndex];
  const type = parameter && readCType(parameter.type);
  if (type?.kind === "integer" || type?.kind === "unknown") return [];
  const what = type ? `is a ${type.name}` : "does not exist";
  return [
    disagreement(
      "error",
      `${path}.sizeArgIndex`,
      `the size of the buffer must be a number, but argument ${arg.sizeIndex} of ${prototype.name} ${what}`,
      `sizeArgIndex counts from 1. It is ${prototypeText(prototype)}.`,
    ),
  ];
}

function checkReturn(
  hook: TypedHook,
  returnArg: TypedArg,
  prototype: Prototype,
): readonly Disagreement[] {
  const type = readCType(prototype.returnType);
  const path = `${hook.path}.returnArg.type`;
  if (type.kind === "void") {
    const filtered = hook.selectors.some(({ returnFilters }) => returnFilters.length > 0);
    const hint = "Remove returnArg and the filters on it.";
    return [
      disagreement(filtered ? "error" : "warning", path, `${prototype.name} returns nothing`, hint),
    ];
  }
  const verdict = compareTypes(returnArg.type, type);
  if (verdict === "same") return [];
  const severity = verdict === "wrong" ? "error" : "warning";
  return [
    disagreement(
      severity,
      path,
      `${prototype.name} returns a ${type.name}, not a ${returnArg.type}`,
      suggestion(type),
    ),
  ];
}

/** Whether a value of that C type can be read as a type of the language. */
export function compareTypes(arg: ArgType, type: CType): "same" | "other width" | "wrong" {
  if (arg === "nop" || type.kind === "unknown") return "same";
  const { structure } = typeRow(arg);
  if (structure !== undefined)
    return type.name === structure || type.name === "void *" ? "same" : "wrong";
  if (arg === "string" || arg === "char_buf") return isText(type) ? "same" : "wrong";
  if (arg === "fd") return type.kind === "integer" ? "same" : "wrong";
  const bits = typeRow(arg).bits ?? 64;
  // An address is also a number, if all of it is read.
  if (type.kind === "pointer") return bits === 64 ? "same" : "wrong";
  if (type.kind !== "integer") return "wrong";
  return bits <= (type.bits ?? 64) ? "same" : "other width";
}

const isText = ({ kind, name }: CType): boolean =>
  kind === "pointer" && !/^(struct|union) /.test(name);

/** What to write for a parameter of this type. */
function suggestion(type: CType): string {
  const scalar = type.kind === "integer" ? `${type.signed ? "" : "u"}int${type.bits}` : undefined;
  return `Write \`type: ${scalar ?? typeFor(type) ?? "nop"}\`.`;
}

/** The type of the language that a C type has by itself. */
export function typeFor({ name, kind, bits, signed }: CType): ArgType | undefined {
  if (kind === "integer")
    return plainIntegers.find((row) => row.bits === bits && row.signed === signed)?.type;
  if (/^(?:unsigned )?char(?: \*|\[\d+\])$|^__data_loc char\[\]$/.test(name)) return "string";
  return argTypeRows.find((row) => row.structure === name)?.type;
}

/** Without those that are a number of something. */
const plainIntegers = argTypeRows.filter(
  ({ family, structure, event }) =>
    family === "integer" && structure === undefined && event !== "message",
);

/** `security_file_permission(struct file *file, int mask)` */
function prototypeText({ name, parameters }: Prototype): string {
  const list = parameters.map((parameter) => {
    const type = readCType(parameter.type).name;
    return `${type}${type.endsWith("*") ? "" : " "}${parameter.name}`.trim();
  });
  return `${name}(${list.join(", ")})`;
}
