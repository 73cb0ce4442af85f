// SPDX-License-Identifier: Apache-2.0
// The rights of a sensor's pod, as the chart grants them.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { attackProgram } from "./attack.ts";

const chart = resolve(import.meta.dirname, "../../../charts/gander/templates/sensor.yaml");

/** The same as in the chart's values.yaml. */
export const stateDir = "/var/lib/gander";

const writable = ["/sys/fs/bpf", "/var/run/gander", stateDir];

/** Numbers from capabilities(7). */
const numbers: Readonly<Record<string, number>> = {
  ...{ DAC_READ_SEARCH: 2, KILL: 5, NET_ADMIN: 12, SYS_PTRACE: 19, SYS_ADMIN: 21 },
  ...{ SYSLOG: 34, PERFMON: 38, BPF: 39 },
};

/** The names of the capabilities that the chart's template lists. */
export function chartCapabilities(): readonly string[] {
  const text = readFileSync(chart, "utf8");
  const [, list = ""] =
    /drop: \[ALL\]\n(?: +#.*\n)* +add:\n((?: +(?:- [A-Z_]+|#.*)\n)+)/.exec(text) ?? [];
  const names = [...list.matchAll(/^ +- ([A-Z_]+)/gm)].map(([, name = ""]) => name);
  if (names.length === 0) throw new Error("the chart lists no capabilities");
  return names;
}

/** What runs a program in such a pod: with these capabilities, and writable only what the chart mounts so. */
export function asPod(capabilities: readonly string[] = chartCapabilities()): readonly string[] {
  const bits = capabilities.map((name) => {
    const number = numbers[name];
    if (number === undefined) throw new Error(`CAP_${name} has no number here`);
    return number;
  });
  return [attackProgram, "as-pod", bits.join(), writable.join()];
}
