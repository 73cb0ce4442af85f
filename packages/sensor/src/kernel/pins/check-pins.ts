// SPDX-License-Identifier: Apache-2.0
import { BpfLink, BpfMap, type ObjectSpec } from "@gander/libbpf";
import type { BpfObjects } from "../bpf-objects.ts";
import { hookLinks, openHook } from "./hook-pins.ts";
import { checkPages, pagedTables } from "./page-pins.ts";
import type { Pins } from "./pins.ts";

/** Why these pins can't be adopted; undefined: they can. A sensor may have died before it pinned them all. */
export function problemOfPins(pins: Pins, { process, hook }: BpfObjects): string | undefined {
  try {
    const hooks = hookLinks(pins);
    const others = pins.links().filter((name) => !hooks.includes(name));
    for (const name of others) BpfLink.fromPin(pins.link(name)).close();
    const ids = new Map([
      ...checkMaps(process, pins, others.length > 0),
      ...checkMaps(hook, pins, hooks.length > 0),
    ]);
    for (const name of hooks) checkHook(name, pins, ids);
    for (const table of ["groups", "applications"] as const)
      if (ids.has(pagedTables[table])) checkPages(table, pins);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Opens each map and checks its shape. The maps of attached programs must exist. */
function checkMaps({ maps }: ObjectSpec, pins: Pins, attached: boolean): Map<string, number> {
  const pinned = new Set(pins.maps());
  const ids = new Map<string, number>();
  for (const [name, spec] of maps) {
    if (name.startsWith(".")) continue;
    if (!pinned.has(name)) {
      if (attached) throw new Error(`map "${name}" is not pinned`);
      continue;
    }
    using map = BpfMap.fromPin(pins.map(name));
    for (const field of ["type", "keySize", "valueSize", "maxEntries"] as const) {
      if (map.shape[field] === spec[field]) continue;
      throw new Error(`the ${field} of map "${name}" is ${map.shape[field]}, not ${spec[field]}`);
    }
    ids.set(name, map.info().id);
  }
  return ids;
}

/** The maps that every hook program evaluates. */
const evaluated = [
  ...["config", "groups", "applications", "rules", "rows", "verdicts", "counts"],
  ...Object.values(pagedTables),
];

/** Programs that use other maps than the pinned ones would never see a policy. */
function checkHook(name: string, pins: Pins, ids: ReadonlyMap<string, number>): void {
  const { link, program, others } = openHook(name, pins);
  try {
    const used = new Set(program.mapIds());
    for (const map of evaluated) {
      const id = ids.get(map);
      if (id === undefined || !used.has(id))
        throw new Error(`the program of ${name} does not use the pinned map "${map}"`);
    }
  } finally {
    program.close();
    for (const other of others) other.close();
    link.close();
  }
}
