// SPDX-License-Identifier: Apache-2.0
import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { attackProgram } from "../tests/lib/attack.ts";
import type { Listeners } from "./listeners.ts";
import type { Random } from "./random.ts";
import type { SiegeSensor } from "./siege-sensor.ts";
import { otherCgroup } from "./who.ts";
import { trustedProgram, zoneDirectories } from "./zones.ts";

/** The things that events and loads work with. */
export interface Field {
  readonly sensor: SiegeSensor;
  readonly listeners: Listeners;
  /** Random numbers of this step. */
  readonly random: Random;
  readonly step: number;
  /** Records a violation, for the end. */
  readonly violation: (what: string) => void;
}

/** Creates the directories, programs and cgroups of the siege. */
export function layOutField(): void {
  for (const path of [...zoneDirectories, otherCgroup]) mkdirSync(path, { recursive: true });
  for (const path of zoneDirectories) chmodSync(path, 0o777);
  mkdirSync(dirname(trustedProgram), { recursive: true });
  copyFileSync(attackProgram, trustedProgram);
  chmodSync(trustedProgram, 0o755);
}
