// SPDX-License-Identifier: Apache-2.0
import { type AttachPoint, BpfLink, BpfProgram, unpin } from "@gander/libbpf";
import { fromPinName, type Pins, pinName } from "./pins.ts";

/** An attached hook program; it stays attached without the sensor. */
export type AttachedHook = {
  readonly id: number;
  /** The name of its pins. */
  readonly pin: string;
  readonly link: BpfLink;
  readonly program: BpfProgram;
};

const hookPinPattern = /^hook_(\d+)_(.+)$/;

/** Names of the pinned links of hooks. */
export function hookLinks(pins: Pins): string[] {
  return pins.links().filter((name) => hookPinPattern.test(name));
}

/** Where hooks are attached, in the notation of `hookPointKey`. */
export function hookKeys(pins: Pins): string[] {
  return hookLinks(pins).map(keyOf);
}

/** All hooks that an earlier sensor has pinned, by key of the point. @throws BpfError if one is unusable */
export function openHooks(pins: Pins): Map<string, AttachedHook> {
  const names = new Set(hookLinks(pins));
  // A sensor died before it attached them.
  for (const name of pins.programs()) if (!names.has(name)) unpin(pins.program(name));
  const hooks = [...names].map((name) => openHook(name, pins));
  return new Map(hooks.map((hook) => [keyOf(hook.pin), hook]));
}

/** @throws BpfError */
export function openHook(pin: string, pins: Pins): AttachedHook {
  const [, id] = hookPinPattern.exec(pin) ?? [];
  const link = BpfLink.fromPin(pins.link(pin));
  try {
    const program = openProgram(link.info().programId, pins.program(pin));
    return { id: Number(id), pin, link, program };
  } catch (error) {
    link.close();
    throw error;
  }
}

/** By its pin, which requires no right. Sensors before 0023 pinned none: then by its id (CAP_SYS_ADMIN). */
function openProgram(id: number, pin: string): BpfProgram {
  const pinned = openPinnedProgram(pin);
  if (pinned?.info().id === id) return pinned;
  pinned?.close();
  const program = BpfProgram.fromId(id);
  unpin(pin);
  program.pin(pin);
  return program;
}

function openPinnedProgram(pin: string): BpfProgram | undefined {
  try {
    return BpfProgram.fromPin(pin);
  } catch {
    return undefined;
  }
}

/**
 * Attaches a program and pins both; the link is pinned last: if it exists, so does the program. On failure
 * closes the link, not the program. @throws BpfError
 */
export function pinHook(
  program: BpfProgram,
  point: AttachPoint,
  { id, key, pins }: { readonly id: number; readonly key: string; readonly pins: Pins },
): AttachedHook {
  const pin = `hook_${id}_${pinName(key)}`;
  unpin(pins.program(pin));
  program.pin(pins.program(pin));
  try {
    const link = program.attach(point);
    try {
      link.pin(pins.link(pin));
    } catch (error) {
      link.close();
      throw error;
    }
    return { id, pin, link, program };
  } catch (error) {
    unpin(pins.program(pin));
    throw error;
  }
}

/** Detaches it, off the main thread. */
export async function unpinHook({ pin, link, program }: AttachedHook, pins: Pins): Promise<void> {
  unpin(pins.link(pin));
  unpin(pins.program(pin));
  program.close();
  await link.closeAsync();
}

function keyOf(pin: string): string {
  return fromPinName(hookPinPattern.exec(pin)?.[2] ?? "");
}
