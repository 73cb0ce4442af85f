// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { GanderError } from "@gander/base";

// Bits of capabilities(7).
const CAPABILITIES = { SYS_ADMIN: 21n, PERFMON: 38n, BPF: 39n } as const;

/** Throws GanderError `sensor-not-root` if loading programs isn't allowed; `status`: proc_pid_status(5). */
export function requireRights(status: string = readFileSync("/proc/self/status", "utf8")): void {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const has = (bit: bigint) => ((effective >> bit) & 1n) === 1n;
  if (has(CAPABILITIES.SYS_ADMIN) || (has(CAPABILITIES.BPF) && has(CAPABILITIES.PERFMON))) return;
  throw new GanderError("sensor-not-root", "Cannot load programs into the kernel: not permitted", {
    hint: "Run it as root: sudo gander run …",
  });
}
