// SPDX-License-Identifier: Apache-2.0
import { checked, Handle } from "./handle.ts";
import { native } from "./native.ts";

/**
 * Lets the kernel count runs and time of all programs, until it is disposed. Costs two readings of
 * the clock a run, for every program on the machine.
 */
export function enableStatistics(): Disposable {
  const fd = checked(native().enableStats(), "enable statistics", "Cannot enable BPF statistics");
  const handle = new Handle(fd, "BPF statistics");
  return { [Symbol.dispose]: () => handle.dispose() };
}
