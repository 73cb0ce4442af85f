// SPDX-License-Identifier: Apache-2.0

export { createMachineEngine } from "./machine-engine.ts";
