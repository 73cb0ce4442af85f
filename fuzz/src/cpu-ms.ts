// SPDX-License-Identifier: Apache-2.0

/** Time of the CPU that it takes: the machine may have other things to do. */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
