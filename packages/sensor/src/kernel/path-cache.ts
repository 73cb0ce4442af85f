// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { BpfMap, ObjectSpec } from "@gander/libbpf";
import { setVariables } from "@gander/libbpf";
import { type AttachFacts, hasBpfLsm } from "@gander/policy";
import { configFlags } from "../link/abi.gen.ts";
import type { GracePeriod } from "./grace-period.ts";
import { loadPinned } from "./hook-programs.ts";
import { symbolAddresses } from "./kernel-symbols.ts";
import type { Pins } from "./pins/pins.ts";
import type { SetConfigFlag } from "./tables/config-flags.ts";

/** Hooks remember what the index says of the paths of open files (bpf/cache.bpf.h). */
export type PathCache = {
  /** Before hook__file_free is detached: from here on nothing is remembered or recalled. */
  stop(): void;
};

/** Forgets files that are freed. Its pin is sorted behind those of hooks, and goes after them. */
const forgetter = "hook__file_free";

/**
 * Tells programs that are loaded from now on where the kernel counts renames and changes of mounts.
 * @returns whether paths of open files can be remembered.
 */
export function findPathSequences(
  objects: { readonly process: ObjectSpec; readonly hook: ObjectSpec },
  facts: Pick<AttachFacts, "activeLsms">,
  logger: Logger,
) {
  const addresses = symbolAddresses(["rename_lock", "mount_lock"]);
  const rename = addresses.get("rename_lock");
  const mount = addresses.get("mount_lock");
  if (rename === undefined || mount === undefined) {
    logger.warn(
      "The kernel does not tell where it counts renames: a path that is renamed while a policy looks at it may be read wrong",
      { hint: "Give the sensor CAP_SYSLOG, or set kernel.kptr_restrict to 0 or 1" },
    );
    return "unknown";
  }
  setVariables(objects.process, { rename_lock_at: rename });
  setVariables(objects.hook, { rename_lock_at: rename, mount_lock_at: mount });
  return hasBpfLsm(facts) ? "known" : "unknown";
}

type Deps = {
  readonly hooks: ObjectSpec;
  readonly pins: Pins;
  readonly pathCache: BpfMap;
  readonly setFlag: SetConfigFlag;
  readonly grace: GracePeriod;
  readonly logger: Logger;
};

/**
 * Switches it on. An address of a file says nothing once the file is gone, so first that which
 * forgets files that are freed has to be in force; what was remembered while it wasn't is dropped.
 * Where that can't be attached nothing is remembered, and each call costs what the first one does.
 */
export async function startPathCache({
  hooks,
  pins,
  pathCache,
  setFlag,
  grace,
  logger,
}: Deps): Promise<PathCache> {
  const stop = () => setFlag(configFlags.CONFIG_PATH_CACHE, false);
  if (!pins.links().includes(forgetter)) {
    stop();
    await grace.wait();
    try {
      attachForgetter(hooks, pins);
    } catch (error) {
      logger.warn("Paths of open files cannot be remembered", { error });
      return { stop };
    }
    new Uint8Array(pathCache.memory().buffer).fill(0);
  }
  setFlag(configFlags.CONFIG_PATH_CACHE, true);
  return { stop };
}

function attachForgetter(hooks: ObjectSpec, pins: Pins): void {
  for (const program of hooks.programs.values()) program.load = program.name === forgetter;
  using object = loadPinned(hooks, pins);
  using link = object.program(forgetter).attach();
  link.pin(pins.link(forgetter));
}
