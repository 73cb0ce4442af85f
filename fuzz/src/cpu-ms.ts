// SPDX-License-Identifier: Apache-2.0

/** The CPU time of a call: the machine may have other things to do. */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
