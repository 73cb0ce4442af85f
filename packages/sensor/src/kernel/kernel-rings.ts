// SPDX-License-Identifier: Apache-2.0
import { type BpfMap, RingBuffer } from "@gander/libbpf";

type Rings = { readonly events: RingBuffer; readonly urgent: RingBuffer };

/** A ring of this size does not fill up between two reads, so it needs no notification. */
const roomyBytes = 4 << 20;

/** Opened for their readers: a ring that is never read would keep the event loop busy. */
export class KernelRings {
  readonly #map: (name: string) => BpfMap;
  #open: Rings | undefined;
  #listener = (): void => {};

  constructor(map: (name: string) => BpfMap) {
    this.#map = map;
  }

  get all(): Rings {
    this.#open ??= { events: this.#openRing("events"), urgent: this.#openRing("urgent") };
    return this.#open;
  }

  onReadable(listener: () => void): void {
    this.#listener = listener;
  }

  setAsleep(asleep: "asleep" | "awake"): void {
    const events = this.#open?.events;
    if (events === undefined || events.closed || events.sizeBytes < roomyBytes) return;
    events.listen(asleep === "asleep" ? "on" : "off");
  }

  close(): void {
    for (const ring of Object.values(this.#open ?? {})) ring.close();
  }

  #openRing(name: string): RingBuffer {
    return new RingBuffer(this.#map(name), { onReadable: () => this.#listener() });
  }
}
