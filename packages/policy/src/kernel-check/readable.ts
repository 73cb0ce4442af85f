// SPDX-License-Identifier: Apache-2.0

import { typeRow } from "@gander/crd-schemas";
import type { CompiledArg, CompiledHook } from "../compiled-policy.ts";
import { limits } from "../limits.ts";
import type { RecordField } from "./record-field.ts";

/** Whether a value of this type can be read from a function's argument at that position. */
export function canReadArgument(
  arg: CompiledArg,
  hook: CompiledHook,
  position: number | undefined,
): boolean {
  if (position === undefined || position > limits.argIndex) return false;
  return !hook.syscall || canBeInUserMemory(arg);
}

/** The same for a field of a tracepoint's record. */
export function canReadField(
  arg: CompiledArg,
  hook: CompiledHook,
  field: RecordField | undefined,
): boolean {
  if (field === undefined) return false;
  return !hook.target.startsWith("syscalls/") || canBeInUserMemory(arg);
}

/** Arguments of system calls point to process memory, which has no kernel structures. */
function canBeInUserMemory({ type }: CompiledArg): boolean {
  return typeRow(type).readUser !== undefined;
}
