// SPDX-License-Identifier: Apache-2.0
import { type BrokenPath, type Btf, type FollowedPath, followPath } from "@gander/btf";

/** Where the path to a value begins. */
export type TypeRoot =
  /** An argument, by the id of its type in the kernel's BTF. */
  | { readonly value: number }
  /** A pointer to a structure of that name. */
  | { readonly pointerTo: string; readonly module?: string };

/** Undefined: the kernel, or the module, has no such structure. */
export type PathResult = FollowedPath | BrokenPath | undefined;

/** The types that a path may begin in. */
export type KernelTypes = {
  readonly btf: Btf;
  /** Id of a structure, union or typedef. */
  structure(name: string): number | undefined;
};

export function followType({ btf, structure }: KernelTypes, root: TypeRoot, path: string) {
  if ("value" in root) return followPath(btf, root, path);
  const id = structure(root.pointerTo);
  return id === undefined ? undefined : followPath(btf, { structure: id }, path);
}

export const structureKinds = ["struct", "union", "typedef"] as const;
