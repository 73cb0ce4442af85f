// SPDX-License-Identifier: Apache-2.0
export {
  type FleetFinding,
  type FleetKernel,
  fleetCheck,
  type KernelFinding,
  kernelFindings,
  mergeFindings,
  unreadable,
} from "./fleet-check.ts";
export type { KernelFeatureName } from "./kernel-features.ts";
export { type RemoteKernelFacts, remoteKernelFacts } from "./remote-kernel.ts";
