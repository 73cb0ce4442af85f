// SPDX-License-Identifier: Apache-2.0

export { type CaseResult, labelsFor, runLive } from "./run-live.ts";
export { actProgram } from "./test-container.ts";
export { type ReadEvents, startTestNode, type TestNode } from "./test-node.ts";
