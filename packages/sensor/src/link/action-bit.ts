// SPDX-License-Identifier: Apache-2.0
import type { ActionRow } from "@gander/policy";
import { action } from "./abi.gen.ts";

/** Of `enum action`; 0 for an action that only decides about the event. */
export const actionBit = ({ enforces }: ActionRow): number =>
  enforces === undefined ? 0 : action[`ACTION_${enforces}`];
