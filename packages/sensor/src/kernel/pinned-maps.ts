// SPDX-License-Identifier: Apache-2.0
import { BpfMap, unpin } from "@gander/libbpf";
import type { Pins } from "./pins/pins.ts";

/** Maps by the names of their pins, each opened once. */
export class PinnedMaps {
  readonly #pins: Pins;
  readonly #open = new Map<string, BpfMap>();

  constructor(pins: Pins) {
    this.#pins = pins;
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** @throws BpfError */
  map(name: string): BpfMap {
    const open = this.#open.get(name) ?? BpfMap.fromPin(this.#pins.map(name));
    this.#open.set(name, open);
    return open;
  }

  /** Pins a new map, and returns it. @throws BpfError; then it is closed. */
  add(name: string, map: BpfMap): BpfMap {
    try {
      map.pin(this.#pins.map(name));
    } catch (error) {
      map.close();
      throw error;
    }
    this.#open.set(name, map);
    return map;
  }

  remove(name: string): void {
    unpin(this.#pins.map(name));
    this.#open.get(name)?.close();
    this.#open.delete(name);
  }

  close(): void {
    for (const open of this.#open.values()) open.close();
    this.#open.clear();
  }
}
