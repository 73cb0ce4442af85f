// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { kernelError } from "./bpf-error.ts";
import { type NativeFd, native } from "./native.ts";

/**
 * Makes the kernel call perf_event_mmap_output for each mapping that a process makes, until it is disposed of.
 * @param mark `attr.config1` of the perf events, one for each processor that is online now.
 * @throws BpfError
 */
export function openMappingEvents(mark: bigint): Disposable {
  const events: NativeFd[] = [];
  const close = () => {
    for (const event of events.splice(0)) native().fdClose(event);
  };
  for (const processor of onlineProcessors()) {
    const event = native().perfOpenMappings(processor, mark);
    if (typeof event === "number") {
      close();
      throw kernelError(event, "attach", `Cannot open a perf event on processor ${processor}`, {
        hint:
          event === -1 || event === -13
            ? "It takes CAP_PERFMON, and with /proc/sys/kernel/perf_event_paranoid at 3 (Debian) CAP_SYS_ADMIN."
            : "Reading build IDs of mappings takes Linux 5.12.",
      });
    }
    events.push(event);
  }
  return { [Symbol.dispose]: close };
}

/** E.g. `0-3,5` */
function onlineProcessors(): number[] {
  const ranges = readFileSync("/sys/devices/system/cpu/online", "utf8").trim().split(",");
  return ranges.flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
