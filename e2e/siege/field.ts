// SPDX-License-Identifier: Apache-2.0
import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { attackProgram } from "../tests/lib/attack.ts";
import type { Listeners } from "./listeners.ts";
import type { Random } from "./random.ts";
import type { SiegeSensor } from "./siege-sensor.ts";
import { otherCgroup } from "./who.ts";
import { trustedProgram, zoneDirectories } from "./zones.ts";

/** What events and loads have to do with. */
export interface Field {
  readonly sensor: SiegeSensor;
  readonly listeners: Listeners;
  /** Numbers of this step. */
  readonly random: Random;
  readonly step: number;
  /** Puts down what is wrong, for the end. */
  readonly violation: (what: string) => void;
}

/** Directories, programs and cgroups that everything takes place in. */
export function layOutField(): void {
  for (const path of [...zoneDirectories, otherCgroup]) mkdirSync(path, { recursive: true });
  for (const path of zoneDirectories) chmodSync(path, 0o777);
  mkdirSync(dirname(trustedProgram), { recursive: true });
  copyFileSync(attackProgram, trustedProgram);
  chmodSync(trustedProgram, 0o755);
}
