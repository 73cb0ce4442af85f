// SPDX-License-Identifier: Apache-2.0
import { openMappingEvents } from "@gander/libbpf";
import { type HookPoint, mappingEventMark, mappingFunction } from "@gander/policy";

/** The kernel calls `mappingFunction` only while somebody asks for it: this sensor does while a hook is there. */
export class MappingReports implements Disposable {
  #events: Disposable | undefined;

  /** @throws BpfError */
  needFor({ target }: HookPoint): void {
    if (target === mappingFunction) this.#events ??= openMappingEvents(mappingEventMark);
  }

  /** @param keys of all hooks, as `hookPointKey` makes them. */
  keepFor(keys: Iterable<string>): void {
    if (![...keys].some((key) => key.endsWith(`:${mappingFunction}`))) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#events?.[Symbol.dispose]();
    this.#events = undefined;
  }
}
