// SPDX-License-Identifier: Apache-2.0
import type { Guard, Hook, Place } from "./guard.ts";
import type { AnyRecord } from "./record.ts";
import type { Filter, Slot } from "./tables.ts";

/** Attaches one hook after the other, and tells what each records. */
export class Observer {
  readonly #guard: Guard;
  #id = 1;

  constructor(guard: Guard) {
    this.#guard = guard;
  }

  /** The hook's records while `act` runs, each with all slots as arguments. */
  async records(
    hook: Place,
    slots: readonly Slot[],
    act: () => unknown,
    filters: readonly Filter[] = [],
  ): Promise<AnyRecord[]> {
    const { tables } = this.#guard;
    const id = this.#id++;
    const verdict = { actions: ["ACTION_POST"], counter: id };
    const args = slots.map((_, i) => i);
    tables.guard(id, [{ id, args, selectors: [{ filters, verdict }] }], { slots });
    using _link = this.#guard.attach({ ...hook, id } as Hook);
    this.#guard.drain();
    await act();
    return this.#guard.drain().filter(({ type }) => type === tables.constant("RECORD_HOOK"));
  }

  /** An id that no hook of this guard has. */
  newId(): number {
    return this.#id++;
  }
}
