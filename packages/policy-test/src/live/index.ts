// SPDX-License-Identifier: Apache-2.0

export { type CaseResult, runLive } from "./run-live.ts";
export { startTestNode, type TestNode } from "./test-node.ts";
