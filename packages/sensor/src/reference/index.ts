// SPDX-License-Identifier: Apache-2.0

export { action } from "../link/abi.gen.ts";
export type { PlainFilter } from "../link/alternatives.ts";
export type { PlannedSelector } from "../link/planned-rule.ts";
export { safeOutcome } from "../link/unknown-facts.ts";
export { selectorsFor } from "../plan/selector-verdicts.ts";
export type { Call, File, Socket, Value } from "./call.ts";
export { evaluateSelectors, filterOutcome } from "./evaluate-selectors.ts";
