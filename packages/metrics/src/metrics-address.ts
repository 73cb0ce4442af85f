// SPDX-License-Identifier: Apache-2.0

/** `host:port`, `[IPv6]:port` or `:port`, which is all addresses; the port is NaN if it is none of them. */
export function metricsAddress(address: string): {
  readonly host: string | undefined;
  readonly port: number;
} {
  const [, host = "", port = "x"] = /^(.*):(\d{1,5})$/.exec(address) ?? [];
  const plain = host.replace(/^\[(.*)\]$/, "$1");
  return { host: plain === "" ? undefined : plain, port: Number(port) };
}

/** What is wrong with such an address; undefined if nothing is. */
export function checkMetricsAddress(address: string): string | undefined {
  return metricsAddress(address).port < 65_536
    ? undefined
    : `"${address}" is not an address such as :2112 or localhost:2112`;
}
