// SPDX-License-Identifier: Apache-2.0

export type ListenAddress = { readonly host: string; readonly port: number };

/** `:8443` (all addresses), `host:8443`, `[::1]:8443`; port 0 is any free one. Undefined if invalid. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  return port > 65_535 ? undefined : { host: bracketed ?? (plain || "::"), port };
}

/** Parses a text that the configuration has checked. */
export function listenAddress(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (address === undefined) throw new TypeError(`"${text}" is not an address to listen at`);
  return address;
}
