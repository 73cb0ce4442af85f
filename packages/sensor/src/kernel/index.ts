// SPDX-License-Identifier: Apache-2.0
export {
  createKernel,
  type FaultName,
  type Kernel,
  type KernelOptions,
  type LifecycleCounts,
  type RecordCount,
} from "./kernel.ts";
export type { KernelFacts } from "./kernel-facts.ts";
export { type RunningKernelFacts, readKernelFacts } from "./read-kernel-facts.ts";
export { introduceSensor } from "./register-sensor.ts";
export type { StructLayout, StructLayouts } from "./struct-layouts.ts";
