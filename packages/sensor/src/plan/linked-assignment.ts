// SPDX-License-Identifier: Apache-2.0
import { type Assignment, registerOffsets, registerParts } from "@gander/policy";
import { assignmentKind } from "../link/abi.gen.ts";
import type { LinkedAssignment } from "../link/linked-tables.ts";

/** What a register becomes, as the programs read it: as an instruction would write it, eax with rax's upper half 0. */
export function linkedAssignment({ to, from, inMemory, add }: Assignment): LinkedAssignment {
  const [target, source] = [partOf(to), from === undefined ? undefined : partOf(from)];
  const kind =
    source === undefined ? "ASSIGN_VALUE" : inMemory ? "ASSIGN_MEMORY" : "ASSIGN_REGISTER";
  return {
    kind: assignmentKind[kind],
    value: add,
    from: source?.at ?? 0,
    fromSize: source?.size ?? 8,
    to: target.at,
    size: target.size,
    toSize: target.size === 4 ? 8 : target.size,
  };
}

function partOf(name: string) {
  const part = registerParts.get(name);
  if (part === undefined) throw new Error(`there is no register ${name}`);
  return { at: registerOffsets[part.register] + part.skip, size: part.size };
}
