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
  /** Of a program that is also attached where its function begins. */
  readonly beginning?: BpfLink;
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

/** The pin of its second link. */
const beginningOf = (pin: string) => pin.replace(/^hook_/, "begin_");
const hookOfBeginning = (name: string) =>
  name.startsWith("begin_") ? name.replace(/^begin_/, "hook_") : undefined;

/** All hooks that an earlier sensor has pinned, by key of the point. @throws BpfError if one is unusable */
export function openHooks(pins: Pins): Map<string, AttachedHook> {
  const names = new Set(hookLinks(pins));
  // A sensor died before it attached them.
  for (const name of pins.programs()) if (!names.has(name)) unpin(pins.program(name));
  for (const name of pins.links()) {
    const hook = hookOfBeginning(name);
    if (hook !== undefined && !names.has(hook)) unpin(pins.link(name));
  }
  const hooks = [...names].map((name) => openHook(name, pins));
  return new Map(hooks.map((hook) => [keyOf(hook.pin), hook]));
}

/** @throws BpfError */
export function openHook(pin: string, pins: Pins): AttachedHook {
  const [, id] = hookPinPattern.exec(pin) ?? [];
  const link = BpfLink.fromPin(pins.link(pin));
  try {
    const program = openProgram(link.info().programId, pins.program(pin));
    if (!pins.links().includes(beginningOf(pin))) return { id: Number(id), pin, link, program };
    const beginning = BpfLink.fromPin(pins.link(beginningOf(pin)));
    return { id: Number(id), pin, link, program, beginning };
  } catch (error) {
    link.close();
    throw error;
  }
}

/** Releases it; its pins keep it attached. */
export async function closeHook({ link, program, beginning }: AttachedHook): Promise<void> {
  program.close();
  await beginning?.closeAsync();
  await link.closeAsync();
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

/** Where a program is attached; first where its function begins, if that is another place. */
export type HookPlaces = { readonly point: AttachPoint; readonly beginning?: AttachPoint };

/**
 * Attaches a program and pins both; the link is pinned last: if it exists, so does the rest. On failure
 * closes the links, not the program. @throws BpfError
 */
export function pinHook(
  program: BpfProgram,
  places: HookPlaces,
  { id, key, pins }: { readonly id: number; readonly key: string; readonly pins: Pins },
): AttachedHook {
  const pin = `hook_${id}_${pinName(key)}`;
  unpin(pins.program(pin));
  program.pin(pins.program(pin));
  let beginning: BpfLink | undefined;
  try {
    if (places.beginning !== undefined)
      beginning = attachPinned(program, places.beginning, pins.link(beginningOf(pin)));
    const link = attachPinned(program, places.point, pins.link(pin));
    return { id, pin, link, program, ...(beginning === undefined ? {} : { beginning }) };
  } catch (error) {
    beginning?.close();
    unpin(pins.link(beginningOf(pin)));
    unpin(pins.program(pin));
    throw error;
  }
}

function attachPinned(program: BpfProgram, point: AttachPoint, pin: string): BpfLink {
  const link = program.attach(point);
  try {
    link.pin(pin);
    return link;
  } catch (error) {
    link.close();
    throw error;
  }
}

/** Detaches it, off the main thread. */
export async function unpinHook(hook: AttachedHook, pins: Pins): Promise<void> {
  unpin(pins.link(hook.pin));
  if (hook.beginning !== undefined) unpin(pins.link(beginningOf(hook.pin)));
  unpin(pins.program(hook.pin));
  await closeHook(hook);
}

function keyOf(pin: string): string {
  return fromPinName(hookPinPattern.exec(pin)?.[2] ?? "");
}
