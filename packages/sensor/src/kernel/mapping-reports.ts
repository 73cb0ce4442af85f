// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { openMappingEvents } from "@gander/libbpf";
import { type HookPoint, mappingEventMark, mappingFunction } from "@gander/policy";

type OpenEvents = (mark: bigint) => Disposable;

/** The kernel calls `mappingFunction` only while somebody asks for it: this sensor does while a hook is there. */
export class MappingReports implements Disposable {
  readonly #open: OpenEvents;
  #events: Disposable | undefined;
  #problem: string | undefined;

  constructor(open: OpenEvents = openMappingEvents) {
    this.#open = open;
  }

  /** Why a hook is not called, although it is attached. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** For the hooks of an earlier sensor, whose reports ended with it. */
  adopt(keys: Iterable<string>, logger: Logger): void {
    if (!isHookedBy(keys)) return;
    try {
      this.#events = this.#open(mappingEventMark);
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
      logger.error("Files that are mapped are not reported, although a policy has `loader: true`", {
        error,
      });
    }
  }

  /** @throws BpfError */
  needFor({ target }: HookPoint): void {
    if (target !== mappingFunction) return;
    this.#events ??= this.#open(mappingEventMark);
    this.#problem = undefined;
  }

  /** @param keys of all hooks, as `hookPointKey` makes them. */
  keepFor(keys: Iterable<string>): void {
    if (!isHookedBy(keys)) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#events?.[Symbol.dispose]();
    this.#events = undefined;
    this.#problem = undefined;
  }
}

const isHookedBy = (keys: Iterable<string>) =>
  [...keys].some((key) => key.endsWith(`:${mappingFunction}`));
