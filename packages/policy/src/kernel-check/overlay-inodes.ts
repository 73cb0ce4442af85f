// SPDX-License-Identifier: Apache-2.0
import type { TypedHook } from "../compiled-policy.ts";
import type { AttachFacts } from "./attach-facts.ts";
import type { TypeRoot } from "./follow-type.ts";
import type { Refusal } from "./refusals.ts";

/**
 * Refuses filters on origins where overlayfs has its inodes in another way than the programs know (bpf/origin.bpf.h):
 * they would take files for the image's that are not. A kernel that shows nothing of it is believed: its module may
 * not be loaded yet.
 */
export function checkOverlayInodes(
  { selectors }: Pick<TypedHook, "selectors">,
  facts: Pick<AttachFacts, "followPath">,
): readonly Refusal[] {
  const asks = selectors.some(({ filters }) =>
    filters.some(
      (filter) =>
        (filter.on === "arg" && filter.test.op === "origin") ||
        (filter.on === "process" && filter.property === "Origin"),
    ),
  );
  if (!asks || hasKnownInodes(facts)) return [];
  return [
    {
      code: "kernel-unsupported",
      message: "overlayfs of this kernel has its files in a way that Gander does not know yet",
      hint: "Filter by paths instead of origins on such nodes",
    },
  ];
}

const wordBytes = 8;

function hasKnownInodes({ followPath }: Pick<AttachFacts, "followPath">): boolean {
  const overlay = { pointerTo: "ovl_inode", module: "overlay" };
  const offset = (root: TypeRoot, path: string) => {
    const found = followPath(root, path);
    return found === undefined || "reason" in found ? undefined : found.offset;
  };
  if (followPath(overlay, "") === undefined) return true;
  const inode = offset(overlay, "vfs_inode");
  // Where a second one would be.
  const size = offset({ pointerTo: "file" }, "f_inode[1]");
  return (
    inode !== undefined &&
    size !== undefined &&
    offset(overlay, "flags") === inode - wordBytes &&
    offset(overlay, "__upperdentry") === inode + size
  );
}
