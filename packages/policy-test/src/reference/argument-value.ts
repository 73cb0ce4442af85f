// SPDX-License-Identifier: Apache-2.0
import { type CompiledArg, typeRow } from "@gander/policy";
import type { KernelCall } from "./model/kernel-call.ts";
import { behind, type KernelValue, unknown } from "./model/kernel-value.ts";
import { taskValue } from "./model/process.ts";

/** What an argument of a hook entry reads at a call. */
export function argumentValue(
  arg: CompiledArg,
  call: KernelCall,
  ofFunction: boolean,
): KernelValue {
  if (arg.source === "registers") return unknown;
  const given = (ofFunction ? call.functionArgs : undefined) ?? call.args;
  const from =
    arg.source === "current-task" ? taskValue(call.process) : (given[arg.index] ?? unknown);
  const found = arg.resolve === undefined ? from : behind(from, arg.resolve);
  if (fits(arg, found)) return found;
  const { value: _, ...rest } = found;
  return rest;
}

/** Whether a value is one that this type reads. */
function fits({ type }: CompiledArg, { value }: KernelValue): boolean {
  if (type === "auto" || value === undefined) return true;
  const { family } = typeRow(type);
  switch (typeof value) {
    case "bigint":
      return family === "integer";
    case "string":
      return family === "text" || family === "path";
    default:
      return "saddr" in value
        ? family === "socket" || family === "address"
        : family === "path" || family === "text";
  }
}
