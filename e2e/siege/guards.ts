// SPDX-License-Identifier: Apache-2.0
// The policies that forbid. They are part of every version of the siege, in ever new words.
import { trustedProgram } from "./zones.ts";

export interface Guard {
  readonly name: string;
  /** Whether it is a file in the directory or is added over the socket. */
  readonly by: "file" | "socket";
  /** Its text; versions mean the same and share no row with each other. */
  readonly text: (version: number) => string;
}

const policy = (name: string, kprobes: readonly string[]) =>
  [
    "apiVersion: cilium.io/v1alpha1",
    "kind: TracingPolicy",
    "metadata:",
    `  name: ${name}`,
    "spec:",
    "  kprobes:",
    ...kprobes,
    "",
  ].join("\n");

const list = (...values: readonly string[]) => JSON.stringify(values);
const trusted = `      matchBinaries: [{operator: NotIn, values: [${trustedProgram}]}]`;
const kill = "      matchActions: [{action: Sigkill}]";
const deny = "      matchActions: [{action: Override, argError: -1}]";

const call = (name: string, args: readonly string[], version: number) => [
  `  - call: ${name}`,
  "    syscall: false",
  `    message: "version ${version}"`,
  "    args:",
  ...args
    .map((type, index) => (type === "" ? "" : `    - {index: ${index}, type: ${type}}`))
    .filter((line) => line !== ""),
  "    selectors:",
];

const writes = (prefix: string, rest: readonly string[]) => (version: number) => [
  ...call("security_file_permission", ["file", "int"], version),
  "    - matchArgs:",
  `      - {index: 0, operator: Prefix, values: ${list(prefix, `/nowhere/${version % 97}/`)}}`,
  '      - {index: 1, operator: Equal, values: ["2"]}',
  ...rest,
];

const connections =
  (operator: string, addresses: readonly string[], rest: readonly string[]) =>
  (version: number) => [
    ...call("tcp_connect", ["sock"], version),
    "    - matchArgs:",
    // 198.18.0.0/15 is for tests (RFC 2544); no address of the siege is in it.
    `      - {index: 0, operator: ${operator}, values: ${list(...addresses, `198.18.${version % 97}.0/24`)}}`,
    ...rest,
  ];

const programs = (prefix: string) => (version: number) => [
  ...call("security_bprm_check", ["linux_binprm"], version),
  "    - matchArgs:",
  `      - {index: 0, operator: Prefix, values: ${list(prefix, `/nowhere/${version % 97}/`)}}`,
  deny,
];

/** Functions that change a directory, with the arguments that name one. */
const entryCalls: Readonly<Record<string, readonly string[]>> = {
  security_path_unlink: ["path"],
  security_path_rmdir: ["path"],
  security_path_mkdir: ["path"],
  security_path_mknod: ["path"],
  security_path_symlink: ["path"],
  security_path_link: ["", "path"],
  security_path_rename: ["path", "", "path"],
  security_path_truncate: ["path"],
};

const entries = (prefix: string, kernel: string) => (version: number) => {
  const calls = {
    ...entryCalls,
    // From 6.2 on, ftruncate(2) and O_TRUNC call it instead of security_path_truncate.
    ...(kernel === "6.1" ? {} : { security_file_truncate: ["file"] }),
  };
  return Object.entries(calls).flatMap(([name, args]) => [
    ...call(name, args, version),
    ...args.flatMap((type, index) =>
      type === ""
        ? []
        : [
            "    - matchArgs:",
            `      - {index: ${index}, operator: Prefix, values: ${list(prefix, `/nowhere/${version % 97}/`)}}`,
            deny,
          ],
    ),
  ]);
};

const inside = ["127.0.0.0/8", "::1/128", "10.42.0.0/16", "10.43.0.0/16"];

/** `kernel`: its version, such as 6.12. */
export function guardsFor(kernel: string): readonly Guard[] {
  const guard = (
    name: string,
    by: Guard["by"],
    kprobes: (version: number) => readonly string[],
  ): Guard => ({ name, by, text: (version) => policy(name, kprobes(version)) });
  return [
    guard("guard-files-kill", "file", writes("/etc/siege/", [kill])),
    guard("guard-files-deny", "socket", writes("/srv/denied/", [deny])),
    guard("guard-files-list", "file", writes("/srv/listed/", [trusted, kill])),
    guard("guard-entries", "file", entries("/srv/sealed/", kernel)),
    guard("guard-programs", "file", programs("/opt/forbidden/")),
    guard("guard-net-allowed", "file", connections("NotDAddr", inside, [kill])),
    guard("guard-net-denied", "socket", connections("DAddr", ["10.43.0.66"], [kill])),
    guard("guard-net-list", "file", connections("DAddr", ["10.43.0.77"], [trusted, kill])),
  ];
}
