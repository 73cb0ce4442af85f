// SPDX-License-Identifier: Apache-2.0
import type { BpfMap } from "@gander/libbpf";

type HeldMap = Pick<BpfMap, "keys" | "delete">;

/** Lets one held process go, which may have ended meanwhile. @throws Error if that is not permitted. */
export function letGo(held: HeldMap, pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  } finally {
    held.delete(new Uint8Array(Uint32Array.of(pid).buffer));
  }
}

/** Lets all go that are in the map. */
export function letGoAll(held: HeldMap): void {
  for (const key of [...held.keys()])
    letGo(held, new DataView(key.buffer, key.byteOffset).getUint32(0, true));
}
