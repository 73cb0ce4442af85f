// SPDX-License-Identifier: Apache-2.0
import type { Place, Side, SidedMemory, TableMemory } from "./sided-memory.ts";

/** The pages of a table; number 0 is the table itself, which always exists. */
export interface PageStore {
  /** In ascending order, without a gap. */
  readonly pages: readonly TableMemory[];
  /** Adds pages until there are `count`. @throws BpfError; then none is added. */
  grow(count: number): void;
  /** Removes all from number `count` on, which no program reads. */
  shrink(count: number): Promise<void>;
}

/**
 * A table that grows: element i of side s is at 2 * i + s, of which the first are in the table itself and all others
 * in its pages (bpf/abi.h). So a page is there for both sides.
 */
export class PagedMemory implements SidedMemory {
  readonly #store: PageStore;
  /** Elements of one side in each page. */
  readonly #perPage: number;
  readonly #views = new WeakMap<ArrayBuffer, DataView>();

  constructor(store: PageStore, perPage: number) {
    this.#store = store;
    this.#perPage = perPage;
  }

  place(side: Side, index: number): Place {
    const page = this.#store.pages[Math.floor(index / this.#perPage)];
    if (page === undefined) throw new RangeError(`the table has no room for element ${index}`);
    return this.#inPage(page, 2 * (index % this.#perPage) + side);
  }

  clear(side: Side): void {
    for (const { buffer, stride } of this.#store.pages)
      for (let i = side; i < 2 * this.#perPage; i += 2)
        new Uint8Array(buffer, i * stride, stride).fill(0);
  }

  /** Makes room for so many elements of each side. @throws BpfError */
  reserve(elements: number): void {
    this.#store.grow(this.#pagesFor(elements));
  }

  /** Gives back the memory that is not needed for so many elements. */
  async release(elements: number): Promise<void> {
    await this.#store.shrink(this.#pagesFor(elements));
  }

  #pagesFor(elements: number): number {
    return Math.max(1, Math.ceil(elements / this.#perPage));
  }

  #inPage({ buffer, stride }: TableMemory, element: number): Place {
    const view = this.#views.get(buffer) ?? new DataView(buffer);
    this.#views.set(buffer, view);
    return { view, at: element * stride };
  }
}
