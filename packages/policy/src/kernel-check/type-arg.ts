// SPDX-License-Identifier: Apache-2.0
import type { FollowedPath } from "@gander/btf";
import { typeRow } from "@gander/crd-schemas";
import type { CompiledArg, CompiledHook, TypedArg } from "../compiled-policy.ts";
import { prototypeOf } from "./argument-types.ts";
import type { AttachFacts } from "./attach-facts.ts";
import { type CType, readCType } from "./c-type.ts";
import { beyondLast, compareTypes, typeFor } from "./check-prototype.ts";
import type { TypeRoot } from "./follow-type.ts";
import { otherStructure } from "./other-structure.ts";
import {
  type ArgPlace,
  brokenPath,
  contradicted,
  inProcess,
  noStructure,
  refused,
  underivable,
  unfinished,
  unknownRoot,
  unknownType,
} from "./path-refusals.ts";
import type { Refusal } from "./refusals.ts";
import { endOf, routeFromRegister, routeTo } from "./value-route.ts";

/** An argument with its type and its route, or why it has none. */
type TypedArgResult = {
  readonly arg?: TypedArg;
  readonly refusal?: Refusal;
  readonly weakness?: string;
};

/** Decides by a kernel's types what a policy leaves open about an argument. */
export function typeArg(
  arg: CompiledArg,
  place: ArgPlace,
  hook: CompiledHook,
  facts: AttachFacts,
): TypedArgResult {
  if (arg.source === "registers")
    return hasType(arg) ? { arg: { ...arg, route: routeFromRegister(arg) } } : unknownType(place);
  const followed = arg.resolve !== undefined || arg.btfType !== undefined;
  if (!followed && hasType(arg)) return { arg };
  const declared = declarationOf(arg, place, hook, facts);
  if (declared !== undefined && "refusal" in declared) return declared;
  if (!followed) {
    if (declared === undefined) return unknownType(place);
    const { arg: typed, ...rest } = derived(arg, valueType(declared, facts), place);
    if (typed === undefined) return rest;
    if (isInProcess(hook) && typeRow(typed.type).readUser === undefined)
      return underivable(typeText(declared), place);
    return { arg: typed };
  }
  if (isInProcess(hook)) return inProcess(place);
  const other = declared && otherStructure(arg, declared.type, facts);
  if (other !== undefined) return contradicted(arg, other, place);
  const root = rootOf(arg, declared);
  if (root === undefined) return unknownRoot(place);
  const found = facts.followPath(root, arg.resolve ?? "");
  if (found === undefined) return noStructure(place, root);
  if ("reason" in found) return brokenPath(arg, place, found);
  if (arg.resolve !== undefined) return routed(arg, found, place);
  // Only the argument's type is another one; it is read like any other.
  const type = readCType(`${found.type} *`);
  return hasType(arg) ? compared(arg, type, place) : derived(arg, type, place);
}

const hasType = (arg: CompiledArg): arg is TypedArg => arg.type !== "auto";

/** Fields of these records hold pointers into the process. */
const isInProcess = ({ kind, raw, target }: CompiledHook): boolean =>
  kind === "tracepoint" && !raw && target.startsWith("syscalls/");

/** How the kernel declares a value: by its own types, or as text. */
type Declaration = { readonly typeId: number; readonly type: string } | { readonly type: string };

/** Undefined: the kernel doesn't declare it. */
function declarationOf(
  arg: CompiledArg,
  place: ArgPlace,
  hook: CompiledHook,
  facts: AttachFacts,
): Declaration | { readonly refusal: Refusal } | undefined {
  if (arg.source !== undefined) return undefined;
  if (hook.kind === "tracepoint" && !hook.raw) {
    const [subsystem = "", event = ""] = hook.target.split("/");
    return facts.tracepointFormat(subsystem, event)?.fields[arg.index];
  }
  const prototype = prototypeOf(hook, facts);
  if (place.isReturn) {
    const type = hook.syscall ? "long" : prototype?.returnType;
    return type === undefined ? undefined : { type };
  }
  return (
    prototype &&
    (prototype.parameters[arg.index] ?? { refusal: beyondLast(arg.index, prototype, place.path) })
  );
}

/** The type of a value that is in hand. */
function valueType(declared: Declaration, facts: AttachFacts): CType {
  const text = readCType(declared.type);
  const root =
    "typeId" in declared
      ? { value: declared.typeId }
      : text.kind === "unknown"
        ? { pointerTo: text.name }
        : undefined;
  const found = root && facts.followPath(root, "");
  if (found === undefined || "reason" in found) return text;
  return found.value.kind === "structure" ? { name: text.name, kind: "structure" } : endOf(found);
}

const typeText = ({ type }: Declaration) => readCType(type).name;

function rootOf(
  { source, btfType, btfTypeModule: module }: CompiledArg,
  declared: Declaration | undefined,
): TypeRoot | undefined {
  if (source === "current-task") return { pointerTo: "task_struct" };
  if (btfType !== undefined)
    return { pointerTo: btfType, ...(module === undefined ? {} : { module }) };
  if (declared === undefined) return undefined;
  if ("typeId" in declared) return { value: declared.typeId };
  const name = /^(?:struct|union) (\w+) \*$/.exec(typeText(declared))?.[1];
  return name === undefined ? undefined : { pointerTo: name };
}

/** The type that C gives an argument without one. */
function derived(arg: CompiledArg, type: CType, place: ArgPlace): TypedArgResult {
  const found = typeFor(type);
  if (place.isReturn && type.kind !== "integer")
    return refused(
      place,
      "type",
      `${place.says} is a ${type.name}, which cannot be read yet`,
      "Write an integer type, such as int or long; a pointer can be read as uint64.",
    );
  return found === undefined ? underivable(type.name, place) : { arg: { ...arg, type: found } };
}

function compared(arg: TypedArg, type: CType, place: ArgPlace): TypedArgResult {
  if (compareTypes(arg.type, type) !== "wrong") return { arg };
  const fitting = typeFor(type);
  return refused(
    place,
    "type",
    `${place.says} is a ${type.name}, not a ${arg.type}`,
    fitting === undefined ? "Write `type: uint64` for the address." : `Write \`type: ${fitting}\`.`,
  );
}

function routed(arg: CompiledArg, found: FollowedPath, place: ArgPlace): TypedArgResult {
  const what = { ...place, says: `${arg.resolve} of ${place.says}` };
  const type = endOf(found);
  const typed = hasType(arg) ? compared(arg, type, what) : derived(arg, type, what);
  if (typed.arg === undefined) return unfinished(arg, found, what) ?? typed;
  if (typed.arg.type === "const_buf" && found.value.kind !== "array")
    return refused(
      place,
      "type",
      `${what.says} is a ${type.name}, not an array of bytes`,
      "Use string, or a number's type.",
    );
  const route = routeTo(found, typed.arg);
  const { bits = 64 } = typeRow(typed.arg.type);
  const { value } = found;
  return {
    arg: { ...typed.arg, route },
    ...(value.kind === "integer" &&
    typeRow(typed.arg.type).family === "integer" &&
    value.bits > bits
      ? {
          weakness: `${what.says} is a ${type.name}, of which ${typed.arg.type} has only the lowest ${bits} bits`,
        }
      : {}),
  };
}
