// SPDX-License-Identifier: Apache-2.0
import type { ArgTest, Network } from "../compiled-policy.ts";
import { families, protocols, tcpStates } from "../language/kernel-names.ts";
import { parseNamed, parseNetwork, parsePorts, readAll } from "../language/values.ts";
import type { Scope } from "../scope.ts";

export function compileNetworks(
  op: "saddr" | "daddr",
  negate: boolean,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const networks = readAll(values, scope, parseNetwork);
  return networks && { op, negate, networks: sorted(networks) };
}

/** Without duplicates, in an order that does not depend on the policy's. */
function sorted(networks: readonly Network[]): readonly Network[] {
  const key = ({ family, address, prefixLength }: Network) =>
    `${family} ${address} ${prefixLength.toString().padStart(3, "0")}`;
  const byKey = new Map(networks.map((network) => [key(network), network]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, network]) => network);
}

export function compilePorts(
  op: "sport" | "dport",
  negate: boolean,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const ranges = readAll(values, scope, parsePorts);
  return ranges && { op, negate, ranges: merge(ranges) };
}

export function privilegedPorts(op: "sport" | "dport", negate: boolean): ArgTest {
  return { op, negate, ranges: [[0, 1023]] };
}

type Ports = readonly [number, number];

/** Sorted, with overlapping and touching ranges joined. */
function merge(ranges: readonly Ports[]): readonly Ports[] {
  const merged: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

const names = {
  protocol: { prefix: "IPPROTO_", table: protocols, max: 65535 },
  family: { prefix: "AF_", table: families, max: 65535 },
  state: { prefix: "TCP_", table: tcpStates, max: 255 },
} as const;

export function compileNames(
  op: keyof typeof names,
  negate: boolean,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const { prefix, table, max } = names[op];
  const numbers = readAll(values, scope, (text) => parseNamed(text, prefix, table, max));
  return numbers && { op, negate, values: [...new Set(numbers)].sort((a, b) => a - b) };
}
