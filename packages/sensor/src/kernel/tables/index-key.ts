// SPDX-License-Identifier: Apache-2.0
import type { LinkedHook } from "../../link/linked-tables.ts";

/** A hook's key in the index maps; 0: it has no entries there. The lowest bit is the side. */
export function indexKey(side: 0 | 1, { id, index }: Pick<LinkedHook, "id" | "index">): number {
  return index === undefined ? 0 : 2 * id + side;
}
