// SPDX-License-Identifier: Apache-2.0
import { allowed, allowedPort, forbidden, ownAddress } from "./outside.ts";

/** A way to open a TCP connection outward. */
export interface NetworkAttack {
  readonly name: string;
  /** The attack's command line, without the program. */
  readonly argv: (port: number) => readonly string[];
  /** It must work on every unguarded kernel, or the test means nothing. */
  readonly everywhere: boolean;
  /** How far it gets unguarded: a packet only, or a connection with data. */
  readonly effect: "packet" | "data";
}

const oneAddress: Readonly<Record<string, "everywhere" | "where the kernel has it">> = {
  connect: "everywhere",
  "connect-nonblocking": "everywhere",
  "connect-short-address": "everywhere",
  "connect-long-address": "everywhere",
  "connect-compat": "where the kernel has it",
  "connect-mptcp": "everywhere",
  "connect-smc": "where the kernel has it",
  "connect-smc-inet": "where the kernel has it",
  "connect-repair": "everywhere",
  "connect-sendfile": "everywhere",
  "connect-by-other-process": "everywhere",
  "connect-by-shared-process": "everywhere",
  "connect-prequeued": "everywhere",
  "connect-many-threads": "everywhere",
  "fastopen-sendto": "everywhere",
  "fastopen-sendmsg": "everywhere",
  "fastopen-sendmmsg": "everywhere",
  "fastopen-short-address": "everywhere",
  "fastopen-deferred": "everywhere",
  "fastopen-mptcp": "where the kernel has it",
  "fastopen-deferred-mptcp": "where the kernel has it",
  "fastopen-smc": "where the kernel has it",
  "fastopen-smc-inet": "where the kernel has it",
  "uring-connect": "everywhere",
  "uring-connect-polled": "everywhere",
  "uring-connect-worker": "everywhere",
  "uring-connect-direct": "everywhere",
  "uring-fastopen": "everywhere",
  "uring-fastopen-polled": "everywhere",
  "uring-fastopen-zerocopy": "where the kernel has it",
  "uring-send-fastopen": "everywhere",
};

const viaAllowed = ["reconnect", "connect-flipping", "fastopen-flipping"] as const;

export const networkAttacks: readonly NetworkAttack[] = [
  ...Object.entries(forbidden).flatMap(([family, address]) =>
    Object.entries(oneAddress).map(([name, where]) => ({
      name: `${name}, ${family}`,
      argv: (port: number) => [name, address, `${port}`, `payload-${port}`],
      everywhere: where === "everywhere",
      effect: name === "connect-repair" ? ("packet" as const) : ("data" as const),
    })),
  ),
  ...viaAllowed.map((name) => ({
    name,
    argv: (port: number) => [
      ...[name, allowed[0], `${allowedPort}`],
      ...[forbidden.IPv4, `${port}`, `payload-${port}`],
    ],
    everywhere: true,
    effect: "data" as const,
  })),
  ...["connect-any-bound", "fastopen-any-bound"].flatMap((name) =>
    [ownAddress, `::ffff:${ownAddress}`].map((address) => ({
      name: `${name}: the empty address, from a socket bound to ${address}`,
      argv: (port: number) => [name, address, `${port}`, `payload-${port}`],
      everywhere: true,
      effect: "data" as const,
    })),
  ),
];
