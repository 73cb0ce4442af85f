// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { BpfLink, readIterator } from "@gander/libbpf";
import { type BpfObjectsOptions, readBpfObjects } from "../bpf-objects.ts";
import { hookKeys } from "./hook-pins.ts";
import { buildsIn, type Pins, pinsIn } from "./pins.ts";

/** The iterator that registers its reader (bpf/register.bpf.h). */
export const registrar = "process__sensor";

/**
 * Tells the programs of a build that this process is the sensor, which is exempt from enforcement. Tries two
 * ways, because a policy may deny either.
 * @returns whether they know it now.
 */
export function registerSensor(pins: Pins): boolean {
  return [readPin, readLink].some((read) => {
    try {
      return read(pins.link(registrar)) > 0;
    } catch {
      return false;
    }
  });
}

/** Without bpf(2). @returns the number of bytes: one if it was registered. */
function readPin(path: string): number {
  const file = openSync(path, constants.O_RDWR);
  try {
    return readSync(file, Buffer.alloc(1));
  } finally {
    closeSync(file);
  }
}

/** Without opening a file. */
function readLink(path: string): number {
  using link = BpfLink.fromPin(path);
  return readIterator(link).length;
}

type Place = BpfObjectsOptions & { readonly bpfFolder: string };

/**
 * The same with the programs of all builds that earlier sensors have left.
 * @returns where those that could not be told are attached, in the notation of `hookPointKey`: sensors before
 * decision 0023 made them, or a policy denies even this.
 */
export function introduceSensor(place: Place): string[] {
  return earlierBuilds(place)
    .filter((pins) => !registerSensor(pins))
    .flatMap(attachedHooks);
}

/** If a policy denies even listing them: the one with a known name. */
function earlierBuilds(place: Place): Pins[] {
  try {
    return buildsIn(place.bpfFolder);
  } catch {
    return [pinsIn(join(place.bpfFolder, readBpfObjects(place).digest))];
  }
}

function attachedHooks(pins: Pins): string[] {
  try {
    return hookKeys(pins);
  } catch {
    return ["places that cannot be listed"];
  }
}
