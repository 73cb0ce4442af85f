// SPDX-License-Identifier: Apache-2.0

export { type FirstTest, firstTest } from "../init/first-test.ts";
export { calledHooks } from "./called-hooks.ts";
export { knownHooks } from "./model/operation-models.ts";
export { compared, referenceEngine, runReference } from "./reference-engine.ts";
