// SPDX-License-Identifier: Apache-2.0
import type { PolicyCounts } from "./messages.gen.ts";

/** All numbers of PolicyCounts. */
export const policyCountFields = [
  "hits",
  "enforced",
  "emitted",
  "filtered",
  "suppressed",
  "lost",
  "unevaluated",
  "missed",
  "unknown",
] as const satisfies readonly (keyof PolicyCounts)[];
