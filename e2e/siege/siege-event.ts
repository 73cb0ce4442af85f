// SPDX-License-Identifier: Apache-2.0
import type { Field } from "./field.ts";
import type { Weighted } from "./plan.ts";

/** A row: an event that affects the sensor, its files, its machine or its policies. */
export interface SiegeEvent extends Weighted {
  /** Afterwards the sensor runs and all guards are in force. */
  readonly run: (field: Field) => Promise<void>;
}
