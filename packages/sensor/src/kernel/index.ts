// SPDX-License-Identifier: Apache-2.0

export type { KernelFacts } from "../plan/kernel-facts.ts";
export {
  createKernel,
  type FaultName,
  type Kernel,
  type KernelOptions,
  type LifecycleCounts,
  type RecordCount,
} from "./kernel.ts";
export { introduceSensor } from "./pins/register-sensor.ts";
export { type RunningKernelFacts, readKernelFacts } from "./read-kernel-facts.ts";
export type { StructLayout, StructLayouts } from "./tables/struct-layouts.ts";
