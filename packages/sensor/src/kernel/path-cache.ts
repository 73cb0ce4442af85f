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

/** Hooks cache the index's results for the paths of open files (bpf/cache.bpf.h). */
type PathCache = {
  /** Call before hook__file_free is detached: from now on nothing is cached or read from the cache. */
  stop(): void;
};

/** Drops files that are freed. Its pin sorts after those of hooks, and is removed after them. */
const forgetter = "hook__file_free";

/**
 * Tells programs loaded from now on where the kernel counts renames and mount changes.
 * @returns whether paths of open files can be cached.
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
 * Switches the cache on. The address of a file means nothing once the file is freed, so the program that
 * drops freed files must run first; results cached without it are dropped. If it can't be attached, nothing
 * is cached, and each call costs as much as the first one.
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
