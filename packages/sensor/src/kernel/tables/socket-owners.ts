// SPDX-License-Identifier: Apache-2.0
import type { BpfMap } from "@gander/libbpf";
import { configFlags } from "../../link/abi.gen.ts";
import type { SetConfigFlag } from "./config-flags.ts";

export interface SocketOwners {
  /** No policy tells any more which process a socket belongs to (TrackSock). */
  forgetOwners(): void;
}

/** @param owners filled by the programs, which also set CONFIG_OWNERS when they do. */
export function createSocketOwners(owners: BpfMap, setFlag: SetConfigFlag): SocketOwners {
  return {
    forgetOwners() {
      setFlag(configFlags.CONFIG_OWNERS, false);
      for (const socket of [...owners.keys()]) owners.delete(socket);
    },
  };
}
