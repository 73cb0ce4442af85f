// SPDX-License-Identifier: Apache-2.0

export { type ClusterEngineOptions, createClusterEngine } from "./cluster-engine.ts";
