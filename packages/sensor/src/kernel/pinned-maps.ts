// SPDX-License-Identifier: Apache-2.0
import { BpfMap } from "@gander/libbpf";
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

  close(): void {
    for (const open of this.#open.values()) open.close();
    this.#open.clear();
  }
}
