// SPDX-License-Identifier: Apache-2.0
import { type HookKind, hookKinds } from "@gander/crd-schemas";
import { limits } from "../limits.ts";

/** The last argument that a hook of this kind can read, from 0. */
export function lastPosition(kind: HookKind): number {
  if (kind === "usdt") return limits.probeIndex;
  return hookKinds[kind].fields ? limits.tracepointIndex : limits.argIndex;
}
