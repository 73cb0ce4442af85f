// SPDX-License-Identifier: Apache-2.0
import { BpfMap } from "@gander/libbpf";
import type { Pins } from "./pins.ts";

/** Tables that grow, with the map that holds their pages (bpf/tables.bpf.h). */
export const pagedTables = { groups: "group_pages", applications: "application_pages" } as const;
export type PagedTable = keyof typeof pagedTables;

/** The name of a page's pin. */
export const pagePin = (table: PagedTable, number: number): string =>
  `${pagedTables[table]}_${number}`;

/** The numbers of the pinned pages, ascending. */
export function pinnedPages(table: PagedTable, pins: Pins): readonly number[] {
  const prefix = pagePin(table, 0).slice(0, -1);
  return pins
    .maps()
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
}

export const slotKey = (number: number): Uint8Array =>
  new Uint8Array(Uint32Array.of(number).buffer);

/**
 * Programs read the pages that the map of pages holds, and user space those that are pinned: they must be the same. A
 * pinned page may be missing there, if its sensor died in between. @throws Error
 */
export function checkPages(table: PagedTable, pins: Pins): void {
  const pinned = pinnedPages(table, pins);
  using holder = BpfMap.fromPin(pins.map(pagedTables[table]));
  for (let number = 0; number < holder.shape.maxEntries; number++) {
    const id = holder.get(slotKey(number));
    if (id === undefined) continue;
    const name = pagePin(table, number);
    if (!pinned.includes(number)) throw new Error(`map "${name}" is not pinned`);
    using page = BpfMap.fromPin(pins.map(name));
    if (new DataView(id.buffer, id.byteOffset).getUint32(0, true) !== page.info().id)
      throw new Error(`programs do not use the pinned map "${name}"`);
  }
  const gap = pinned.findIndex((number, i) => number !== i + 1);
  if (gap >= 0) throw new Error(`map "${pagePin(table, gap + 1)}" is not pinned`);
}
