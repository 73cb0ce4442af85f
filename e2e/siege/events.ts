// SPDX-License-Identifier: Apache-2.0
import { changes } from "./changes.ts";
import { faults } from "./faults.ts";
import type { SiegeEvent } from "./siege-event.ts";

const nothing: SiegeEvent = { name: "nothing", weight: 12, run: async () => {} };

export const events: readonly SiegeEvent[] = [nothing, ...faults, ...changes];
export const isFault = (name: string): boolean => faults.some((fault) => fault.name === name);
export const isChange = (name: string): boolean => changes.some((change) => change.name === name);
