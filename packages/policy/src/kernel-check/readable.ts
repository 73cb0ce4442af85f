// SPDX-License-Identifier: Apache-2.0

import { hookKinds, typeRow } from "@gander/crd-schemas";
import type { CompiledArg, CompiledHook } from "../compiled-policy.ts";
import { lastPosition } from "../language/last-position.ts";
import type { RecordField } from "./record-field.ts";

/** Whether a value of this type can be read from a function's argument at that position. */
export function canReadArgument(
  arg: CompiledArg,
  hook: CompiledHook,
  position: number | undefined,
): boolean {
  if (arg.source !== undefined) return true;
  if (position === undefined || position > lastPosition(hook.kind)) return false;
  if (recordOnly.has(arg.type) && arg.resolve === undefined) return false;
  return !(hook.syscall || hookKinds[hook.kind].ofProgram) || canBeInUserMemory(arg);
}

/** The same for a field of a tracepoint's record. */
export function canReadField(
  arg: CompiledArg,
  hook: CompiledHook,
  field: RecordField | undefined,
): boolean {
  if (field === undefined) return false;
  if (arg.resolve !== undefined) return true;
  if (arg.type === "data_loc" && !field.type.startsWith("__data_loc")) return false;
  if (
    arg.type === "const_buf" &&
    (!field.type.endsWith("]") || field.type.startsWith("__data_loc"))
  )
    return false;
  return !hook.target.startsWith("syscalls/") || canBeInUserMemory(arg);
}

/** Their bytes lie in the record itself, or in a structure that a path leads to. */
const recordOnly: ReadonlySet<CompiledArg["type"]> = new Set(["data_loc", "const_buf"]);

/** Arguments of system calls point to process memory, which has no kernel structures. */
function canBeInUserMemory({ type }: CompiledArg): boolean {
  return type === "auto" || typeRow(type).readUser !== undefined;
}
