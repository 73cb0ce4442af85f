// SPDX-License-Identifier: Apache-2.0

export type { PlanFacts } from "../plan/plan-facts.ts";
export {
  createKernel,
  type FaultName,
  type Kernel,
  type KernelOptions,
  type LifecycleCounts,
  type RecordCount,
} from "./kernel.ts";
export { introduceSensor } from "./pins/register-sensor.ts";
export { type RunningKernelFacts, readRunningKernel } from "./read-running-kernel.ts";
export type { EarlyProcesses, HeldProcess } from "./tables/early-processes.ts";
export type { StructLayout, StructLayouts } from "./tables/struct-layouts.ts";
