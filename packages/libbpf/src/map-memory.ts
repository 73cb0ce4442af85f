// SPDX-License-Identifier: Apache-2.0
import { argumentError, closedError } from "./bpf-error.ts";
import { checked } from "./handle.ts";
import { type MapShape, mapFlags } from "./map-shape.ts";
import { type NativeFd, native } from "./native.ts";

/**
 * An array's values as memory shared with the kernel. Value i starts at i × stride. Writing is
 * seen by programs at once; use Atomics where more than one byte must change together.
 */
export class MapMemory implements Disposable {
  /** Bytes from a value to the next: the value's size, padded to 8. */
  readonly stride: number;
  readonly #name: string;
  #buffer: ArrayBuffer | undefined;

  private constructor(name: string, buffer: ArrayBuffer, stride: number) {
    this.#name = name;
    this.#buffer = buffer;
    this.stride = stride;
  }

  static of(fd: NativeFd, shape: MapShape): MapMemory {
    const { name, type, valueSize, maxEntries, flags } = shape;
    if (type !== "array" || (flags & mapFlags.mmapable) === 0)
      throw argumentError(
        `Cannot map the memory of map "${name}": it is not an array with the flag BPF_F_MMAPABLE.`,
      );
    const page = native().pageSize();
    const stride = Math.ceil(valueSize / 8) * 8;
    const size = Math.ceil((stride * maxEntries) / page) * page;
    const buffer = checked(
      native().memoryMap(fd, 0, size, true),
      "map memory",
      `Cannot map the memory of map "${name}"`,
      "A frozen map can't be mapped for writing.",
    );
    return new MapMemory(name, buffer, stride);
  }

  /** All values; after close() it has no bytes any more. Whole pages: zeros follow the values. */
  get buffer(): ArrayBuffer {
    if (this.#buffer === undefined) throw closedError(`the memory of map "${this.#name}"`);
    return this.#buffer;
  }

  close(): void {
    native().memoryDetach(this.buffer);
    this.#buffer = undefined;
  }

  [Symbol.dispose](): void {
    if (this.#buffer !== undefined) this.close();
  }
}
