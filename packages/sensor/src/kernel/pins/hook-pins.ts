// SPDX-License-Identifier: Apache-2.0
import { type AttachPoint, BpfLink, BpfProgram, unpin } from "@gander/libbpf";
import { fromPinName, type Pins, pinName } from "./pins.ts";

/** An attached hook program; it stays attached without the sensor. */
export type AttachedHook = {
  readonly id: number;
  /** Where it is attached, in the notation of `hookPointKey`. */
  readonly key: string;
  /** The features that its program was loaded without (bpf/abi.h: enum feature). */
  readonly lacks: number;
  /** The name of its pins. */
  readonly pin: string;
  readonly link: BpfLink;
  readonly program: BpfProgram;
  /** Of a program that is attached to several places. */
  readonly others: readonly BpfLink[];
};

/** hook_ID_KEY, or hook_ID-LACKS_KEY with a hexadecimal number. */
const hookPinPattern = /^hook_(\d+)(?:-([0-9a-f]+))?_(.+)$/;

const hookPin = (id: number, lacks: number, key: string) =>
  `hook_${id}${lacks === 0 ? "" : `-${lacks.toString(16)}`}_${pinName(key)}`;

/** Names of the pinned links of hooks. */
export function hookLinks(pins: Pins): string[] {
  return pins.links().filter((name) => hookPinPattern.test(name));
}

/** Where hooks are attached, in the notation of `hookPointKey`. */
export function hookKeys(pins: Pins): string[] {
  return [...new Set(hookLinks(pins).map(keyOf))];
}

/** The pins of its other links. */
const otherOf = (pin: string, number: number) => pin.replace(/^hook_/, `begin${number}_`);
const hookOfOther = (name: string) =>
  /^begin\d+_/.test(name) ? name.replace(/^begin\d+_/, "hook_") : undefined;
const othersOf = (pin: string, pins: Pins) =>
  pins.links().filter((name) => hookOfOther(name) === pin);

/** All hooks that an earlier sensor has pinned. @throws BpfError if one is unusable */
export function openHooks(pins: Pins): AttachedHook[] {
  const names = new Set(hookLinks(pins));
  // A sensor died before it attached them.
  for (const name of pins.programs()) if (!names.has(name)) unpin(pins.program(name));
  for (const name of pins.links()) {
    const hook = hookOfOther(name);
    if (hook !== undefined && !names.has(hook)) unpin(pins.link(name));
  }
  return [...names].map((name) => openHook(name, pins));
}

/** @throws BpfError */
export function openHook(pin: string, pins: Pins): AttachedHook {
  const [, id, lacks = "0"] = hookPinPattern.exec(pin) ?? [];
  const link = BpfLink.fromPin(pins.link(pin));
  try {
    const program = openProgram(link.info().programId, pins.program(pin));
    const others = othersOf(pin, pins).map((name) => BpfLink.fromPin(pins.link(name)));
    const known = { id: Number(id), key: keyOf(pin), lacks: Number.parseInt(lacks, 16) };
    return { ...known, pin, link, program, others };
  } catch (error) {
    link.close();
    throw error;
  }
}

/** Releases it; its pins keep it attached. */
export async function closeHook({ link, program, others }: AttachedHook): Promise<void> {
  program.close();
  for (const other of others) await other.closeAsync();
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

/** Where a program is attached: first at the others, such as the place where its function begins. */
export type HookPlaces = { readonly point: AttachPoint; readonly others?: readonly AttachPoint[] };

/** Programs that are attached at the hook's place before it, and so run after it. */
export type Companions = readonly BpfProgram[];

/**
 * Attaches a program and pins both; the link is pinned last: if it exists, so does the rest. On failure
 * closes the links, not the program. @throws BpfError
 */
export function pinHook(
  program: BpfProgram,
  places: HookPlaces,
  {
    pins,
    companions,
    ...known
  }: Pick<AttachedHook, "id" | "key" | "lacks"> & {
    readonly pins: Pins;
    readonly companions: Companions;
  },
): AttachedHook {
  const pin = hookPin(known.id, known.lacks, known.key);
  unpin(pins.program(pin));
  program.pin(pins.program(pin));
  const others: BpfLink[] = [];
  try {
    const before = [
      ...companions.map((companion) => ({ program: companion, place: places.point })),
      ...(places.others ?? []).map((place) => ({ program, place })),
    ];
    for (const [i, other] of before.entries())
      others.push(attachPinned(other.program, other.place, pins.link(otherOf(pin, i))));
    const link = attachPinned(program, places.point, pins.link(pin));
    return { ...known, pin, link, program, others };
  } catch (error) {
    for (const [i, other] of others.entries()) {
      unpin(pins.link(otherOf(pin, i)));
      other.close();
    }
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
  for (const name of othersOf(hook.pin, pins)) unpin(pins.link(name));
  unpin(pins.program(hook.pin));
  await closeHook(hook);
}

function keyOf(pin: string): string {
  return fromPinName(hookPinPattern.exec(pin)?.[3] ?? "");
}
