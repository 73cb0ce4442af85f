// SPDX-License-Identifier: Apache-2.0
import { allowed, forbidden, ownAddress } from "../tests/lib/outside.ts";

/** A place where the policies forbid or allow the deeds. */
export interface Zone {
  readonly name: string;
  /** A directory, or an address. */
  readonly at: string;
}

/** Forbidden to all programs, or to all but the trusted program. */
export const forbiddenZones = {
  file: [
    { name: "files that kill", at: "/etc/siege" },
    { name: "files that deny", at: "/srv/denied" },
    { name: "files of one program", at: "/srv/listed" },
  ],
  entry: [{ name: "directories that are sealed", at: "/srv/sealed" }],
  program: [{ name: "programs that are denied", at: "/opt/forbidden" }],
  connection: [
    { name: "addresses outside of a list", at: forbidden.IPv4 },
    { name: "addresses outside of a list, IPv6", at: forbidden.IPv6 },
    { name: "addresses outside of a list, mapped", at: forbidden["IPv4-mapped IPv6"] },
    { name: "an address on a list", at: "10.43.0.66" },
    { name: "an address of one program", at: "10.43.0.77" },
    { name: "an address of one program, mapped", at: "::ffff:10.43.0.77" },
  ],
  ownAddress: [{ name: "the machine's own address", at: ownAddress }],
} as const satisfies Readonly<Record<string, readonly Zone[]>>;

/** Allowed for all programs. */
export const openZones = {
  file: [{ name: "files of everybody", at: "/srv/open" }],
  entry: [{ name: "directories of everybody", at: "/srv/open" }],
  program: [{ name: "programs of everybody", at: "/opt/allowed" }],
  connection: allowed.map((at) => ({ name: `allowed address ${at}`, at })),
} as const satisfies Readonly<Record<string, readonly Zone[]>>;

/** Allowed for the trusted program only. */
export const trustedZones = {
  file: [forbiddenZones.file[2]],
  connection: forbiddenZones.connection.slice(4),
} as const satisfies Readonly<Record<string, readonly Zone[]>>;

/** A copy of the attacker's program, under the name that policies trust. */
export const trustedProgram = "/opt/siege/trusted";

export const zoneDirectories: readonly string[] = [
  ...[forbiddenZones, openZones].flatMap(({ file, entry, program }) =>
    [...file, ...entry, ...program].map(({ at }) => at),
  ),
  "/opt/siege",
];

/** Addresses of the other side, besides those that createOutside() assigns. */
export const moreAddresses: readonly string[] = ["10.43.0.66", "10.43.0.77"];
