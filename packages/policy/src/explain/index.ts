// SPDX-License-Identifier: Apache-2.0
export type { Explanation, HookExplanation, RuleExplanation } from "./explain-policy.ts";
export { explainPolicy } from "./explain-policy.ts";
export { filterText } from "./filter-text.ts";
