// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import type { BrokenPath, FollowedPath } from "@gander/btf";
import type { CompiledArg } from "../compiled-policy.ts";
import type { TypeRoot } from "./follow-type.ts";
import type { Refusal } from "./refusals.ts";

/** An argument as messages name it. */
export type ArgPlace = { readonly path: string; readonly says: string; readonly isReturn: boolean };

type PathRefusal = { readonly refusal: Refusal };

export const refused = (
  place: ArgPlace,
  field: string,
  message: string,
  hint: string,
): PathRefusal => ({
  refusal: { code: "kernel-argument", path: `${place.path}.${field}`, message, hint },
});

export const inProcess = (place: ArgPlace) =>
  refused(
    place,
    "resolve",
    `${place.says} points into the memory of the process, which has no structures of the kernel`,
    "Hook the function behind the system call.",
  );

export const unknownType = (place: ArgPlace) =>
  refused(
    place,
    "type",
    `the kernel's types don't say what ${place.says} is`,
    "Write its `type:`, or `btfType:` with the structure that it points to.",
  );

export const unknownRoot = (place: ArgPlace) =>
  refused(
    place,
    "resolve",
    `the kernel's types don't say what structure ${place.says} points to`,
    "Add `btfType:` with the name of the structure.",
  );

export const contradicted = ({ btfType }: CompiledArg, type: string, place: ArgPlace) =>
  refused(
    place,
    "btfType",
    `${place.says} is a ${type}, which does not point to a struct ${btfType}`,
    "Remove `btfType:`: it is for arguments of which the kernel does not say what they point to. Or correct the index.",
  );

export const noStructure = (place: ArgPlace, root: TypeRoot) => {
  const name = "pointerTo" in root ? root.pointerTo : "";
  const where = "module" in root ? `, and module ${root.module} is not loaded or has none` : "";
  return refused(
    place,
    "btfType",
    `this kernel has no structure ${name}${where}`,
    "Write the name of a structure without `struct`; a module's needs `btfTypeModule:`, too.",
  );
};

/** Members that a message names. */
const namedMembers = 8;

export function brokenPath(
  arg: CompiledArg,
  place: ArgPlace,
  { step, type, reason, members }: BrokenPath,
) {
  const path = arg.resolve ?? "";
  const bad = (message: string, hint: string) => refused(place, "resolve", message, hint);
  switch (reason) {
    case "no-member": {
      const similar = nearestName(step, members);
      const some = members.slice(0, namedMembers).join(", ");
      return bad(
        `in this kernel ${type} has no member ${step}`,
        similar === undefined
          ? `Its members are ${some}${members.length > namedMembers ? ", …" : ""}.`
          : `Did you mean ${similar}?`,
      );
    }
    case "beyond-array":
      return bad(`${type} has no element ${step}`, "Elements count from 0.");
    case "declared-only":
      return bad(
        `this kernel's types don't say what is in ${type}, so nothing can be followed to ${step}`,
        "A module may have it: add `btfType:` and `btfTypeModule:`.",
      );
    case "bit-field":
      return bad(`${path} is a bit field that cannot be read`, "Read the member before it.");
    case "not-an-array":
      return bad(
        `what is before ${step} in ${path} is a ${type}, which has no elements`,
        `Leave ${step} out.`,
      );
    case "not-a-structure":
      return bad(
        `what is before ${step} in ${path} is a ${type}, which has no members`,
        type === "void"
          ? "Hook a function whose argument says what it points to, or add `btfType:`."
          : `Leave ${step} out.`,
      );
  }
}

export const underivable = (name: string, place: ArgPlace) =>
  refused(
    place,
    "type",
    `${place.says} is a ${name}, and no type of arguments follows from that`,
    name.endsWith("*")
      ? "Write `type: uint64` for the address, `type: nop` to leave it out, or `resolve:` with the path to one of its members."
      : "Write its `type:`, such as uint64, or `type: nop` to leave it out.",
  );

/** A path that stops before there is something to read. */
export function unfinished(
  arg: CompiledArg,
  { type, value }: FollowedPath,
  place: ArgPlace,
): PathRefusal | undefined {
  const hint = {
    structure: `Continue the path with one of its members: \`resolve: ${arg.resolve}.…\`.`,
    array: `Write \`resolve: ${arg.resolve}[0]\` for its first element.`,
  };
  if (value.kind !== "structure" && value.kind !== "array") return undefined;
  const but =
    arg.type === "auto" ? ", and no type of arguments follows from that" : `, not a ${arg.type}`;
  return refused(place, "resolve", `${place.says} is a ${type}${but}`, hint[value.kind]);
}
