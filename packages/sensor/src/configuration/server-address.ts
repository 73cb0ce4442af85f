// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";

/** The address of the gRPC interface: a socket of this machine, or a network port. */
type ServerAddress = { readonly unix: string } | { readonly host: string; readonly port: number };

/** Reads `unix:///path`, `/path`, `host:port`, `[::1]:port`; undefined if it is none of them. */
export function parseServerAddress(text: string): ServerAddress | undefined {
  const path = /^(?:unix:(?:\/\/)?)?(\/[^/].*)$/.exec(text)?.[1];
  if (path !== undefined) return { unix: path };
  const [, host = "", digits = ""] = /^(\[[\da-fA-F:.]+\]|[\w.-]*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === "" || port < 1 || port > 65_535) return undefined;
  return { host: host === "" ? "0.0.0.0" : host.replace(/^\[|\]$/g, ""), port };
}

/** The form that gRPC libraries and people use. */
export function serverAddressText(address: ServerAddress): string {
  if ("unix" in address) return `unix://${address.unix}`;
  const { host, port } = address;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach it. Any name but `localhost` may be any address. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith("127.");
  return host === "::1" || host === "localhost";
}

/** Beside the socket: why the last start of its sensor failed. */
export function startProblemFile(socket: string): string {
  return `${socket}.problem`;
}
