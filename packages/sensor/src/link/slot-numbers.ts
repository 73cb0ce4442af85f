// SPDX-License-Identifier: Apache-2.0
import type { ValueRoute } from "@gander/policy";
import { limits } from "./abi.gen.ts";
import { LinkLimitError } from "./link-limit-error.ts";
import type { LinkedSlot } from "./linked-tables.ts";

/** The position of a way to read an argument among those of its hook, where it is added. */
export function slotIndex(slots: LinkedSlot[], wanted: LinkedSlot): number {
  const found = slots.findIndex((slot) => slotKey(slot) === slotKey(wanted));
  if (found >= 0) return found;
  if (slots.length === limits.HOOK_SLOTS) {
    throw new LinkLimitError(
      `the policies read the arguments of one function in more than ${limits.HOOK_SLOTS} ways`,
    );
  }
  return slots.push(wanted) - 1;
}

const keys = new WeakMap<LinkedSlot, string>();

function slotKey(slot: LinkedSlot): string {
  const known = keys.get(slot);
  if (known !== undefined) return known;
  const { type, flags, raw, sizeRaw, size, route } = slot;
  const key = [type, flags, raw, sizeRaw, size, routeKey(route)].join();
  keys.set(slot, key);
  return key;
}

const routeKey = (route: ValueRoute | undefined) =>
  route === undefined ? "" : Object.entries(route).sort().join();

/** The position of a route in the table, where it is added: slots of all hooks share equal ones. 0: none. */
export function routeIndex(
  routes: (ValueRoute | undefined)[],
  route: ValueRoute | undefined,
): number {
  if (route === undefined) return 0;
  const key = routeKey(route);
  const found = routes.findIndex((one) => one !== undefined && routeKey(one) === key);
  return found > 0 ? found : routes.push(route) - 1;
}
