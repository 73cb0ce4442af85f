// SPDX-License-Identifier: Apache-2.0
import { isLoopback, parseServerAddress, serverAddressText } from "./server-address.ts";

export type OperatorAddress = {
  /** As a gRPC library takes it: `dns:host:port` or `unix:/path`. */
  readonly target: string;
  /** As people write it. */
  readonly text: string;
  /** Never leaves this machine. */
  readonly isLocal: boolean;
};

/** Reads `host:port`, `[::1]:port`, `unix:///path`; undefined if it is none of them. */
export function parseOperatorAddress(text: string): OperatorAddress | undefined {
  const address = parseServerAddress(text);
  if (address === undefined || text.startsWith(":")) return undefined;
  const plain = serverAddressText(address);
  if ("unix" in address) return { target: `unix:${address.unix}`, text: plain, isLocal: true };
  return { target: `dns:${plain}`, text: plain, isLocal: isLoopback(address.host) };
}
