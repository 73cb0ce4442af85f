// SPDX-License-Identifier: Apache-2.0

export type { PlanFacts } from "../plan/plan-facts.ts";
export {
  createKernel,
  type FaultName,
  type Kernel,
  type LifecycleCounts,
  type RecordCount,
} from "./kernel.ts";
export { removeBuilds } from "./pins/pins.ts";
export { introduceSensor } from "./pins/register-sensor.ts";
export { readRunningKernel } from "./read-running-kernel.ts";
export type { EarlyProcesses, HeldProcess } from "./tables/early-processes.ts";
export type { StructLayout } from "./tables/struct-layouts.ts";
