// SPDX-License-Identifier: Apache-2.0

export { startLiveEngine } from "./live-engine.ts";
export { runLive } from "./run-live.ts";
export { type ReadEvents, startTestNode, type TestNode } from "./test-node.ts";
