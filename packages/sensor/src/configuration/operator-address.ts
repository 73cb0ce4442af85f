// SPDX-License-Identifier: Apache-2.0
import { isLoopback, parseServerAddress, serverAddressText } from "./server-address.ts";

export type OperatorAddress = {
  /** In the form of gRPC libraries: `dns:host:port` or `unix:/path`. */
  readonly target: string;
  /** For display. */
  readonly text: string;
  /** The connection never leaves this machine. */
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
