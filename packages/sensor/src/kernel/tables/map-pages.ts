// SPDX-License-Identifier: Apache-2.0
import { BpfMap, type MapMemory } from "@gander/libbpf";
import type { PinnedMaps } from "../pinned-maps.ts";
import { type PagedTable, pagedTables, pagePin, pinnedPages, slotKey } from "../pins/page-pins.ts";
import type { Pins } from "../pins/pins.ts";
import type { PageStore } from "./paged-memory.ts";
import type { TableMemory } from "./sided-memory.ts";

/** The pages of a table in the kernel: arrays of the table's size, each pinned, so that the next sensor finds them. */
export class MapPages implements PageStore {
  readonly #table: PagedTable;
  readonly #maps: PinnedMaps;
  readonly #memories: MapMemory[];

  constructor(table: PagedTable, maps: PinnedMaps, pins: Pins) {
    this.#table = table;
    this.#maps = maps;
    const adopted = pinnedPages(table, pins);
    const names = [table, ...adopted.map((number) => pagePin(table, number))];
    this.#memories = names.map((name) => maps.map(name).memory());
    // The earlier sensor may have died before it did this.
    this.#show(adopted);
  }

  get pages(): readonly TableMemory[] {
    return this.#memories;
  }

  grow(count: number): void {
    const added: number[] = [];
    try {
      for (let number = this.#memories.length; number < count; number++) {
        const page = this.#maps.add(pagePin(this.#table, number), this.#create());
        added.push(number);
        this.#memories.push(page.memory());
      }
      this.#show(added);
    } catch (error) {
      for (const number of added.reverse()) this.#drop(number);
      throw error;
    }
  }

  async shrink(count: number): Promise<void> {
    // The last one first, so that there is never a gap.
    while (this.#memories.length > count) {
      const number = this.#memories.length - 1;
      // The kernel waits until no program uses it (see createGracePeriod): some milliseconds.
      this.#holder().delete(slotKey(number));
      this.#drop(number);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #holder(): BpfMap {
    return this.#maps.map(pagedTables[this.#table]);
  }

  #create(): BpfMap {
    const { keySize, valueSize, maxEntries, flags } = this.#maps.map(this.#table).shape;
    const name = `${this.#table.slice(0, 10)}_page`;
    return BpfMap.create({ type: "array", name, keySize, valueSize, maxEntries, flags });
  }

  /** From now on programs find these pages. */
  #show(numbers: readonly number[]): void {
    const descriptors = numbers.map(
      (number) => this.#maps.map(pagePin(this.#table, number)).descriptor,
    );
    const bytes = (words: readonly number[]) => new Uint8Array(Uint32Array.from(words).buffer);
    this.#holder().updateMany(bytes(numbers), bytes(descriptors));
  }

  #drop(number: number): void {
    const memory = this.#memories[number];
    this.#memories.length = Math.min(this.#memories.length, number);
    memory?.close();
    this.#maps.remove(pagePin(this.#table, number));
  }
}
