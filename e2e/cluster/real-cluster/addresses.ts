// SPDX-License-Identifier: Apache-2.0
// The network of a cluster: private addresses, all inside what policies/examples/monitor-network… allows.

/** This machine's end: the nodes' router, their DNS server, and where the API server is. */
export const gatewayAddress = "10.42.240.1";
export const serviceRange = "10.43.0.0/16";
/** Of the service "kubernetes": the first one of the range. */
export const apiServiceAddress = "10.43.0.1";

/** @param index from 0 */
export function nodeAddress(index: number): string {
  return `10.42.240.${11 + index}`;
}

/** The addresses of a node's pods. */
export function podRange(index: number): string {
  return `10.42.${1 + index}.0/24`;
}

/** The network device of this machine that is a node's cable. */
export function nodeTap(index: number): string {
  return `node${index}`;
}

export function nodeMac(index: number): string {
  return `52:54:00:00:00:${(1 + index).toString(16).padStart(2, "0")}`;
}
