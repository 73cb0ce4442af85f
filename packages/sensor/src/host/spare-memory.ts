// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { trimMemory } from "@gander/libbpf";

type CollectGarbage = (options: {
  readonly type: "major";
  readonly execution: "sync";
  readonly flavor: "last-resort";
}) => void;

/**
 * Returns memory that only the start needed: V8 would keep a heap of that size forever. Stops the world for
 * some 50 ms; records wait in the ring meanwhile.
 */
export function giveBackMemory(): void {
  // The only way in a program that is started without flags.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as CollectGarbage | undefined;
  setFlagsFromString("--no-expose-gc");
  collect?.({ type: "major", execution: "sync", flavor: "last-resort" });
  trimMemory();
}
