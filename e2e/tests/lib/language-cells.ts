// SPDX-License-Identifier: Apache-2.0
// What backs docs/policy-language.md in virtual machines: for each argument type two or three calls with known values
// and, for each operator, a filter and the calls for which it holds (language-cells.kernel-test.ts tries them); for
// each other word the kernel tests that have it.
import { type ArgTypeRow, typeRow } from "../../../packages/crd-schemas/src/index.ts";

export type CallName = "a" | "b" | "c";

/** A filter on the argument, and for which calls it holds. */
export type Cell = {
  readonly operator: string;
  readonly values: readonly string[];
  readonly holds: readonly CallName[];
  /** CapabilitiesGained: the two sets. */
  readonly args?: readonly number[];
  /** In place of one on the argument. */
  readonly filter?: Readonly<Record<string, unknown>>;
};

export type TypeCase = {
  readonly section: "kprobes" | "tracepoints";
  /** The hook entry without its arguments and selectors. */
  readonly entry: Readonly<Record<string, unknown>>;
  readonly index: number;
  readonly sizeArgIndex?: number;
  /** Who makes the calls: this test, a program, or others as well. */
  readonly by: "test" | "scenes" | "anybody";
  /** What events show in each of the calls. */
  readonly shown: Readonly<Partial<Record<CallName, string>>>;
  readonly cells: readonly Cell[];
};

/** In memory, and on the disk. */
export const folders = { memory: "/tmp/cells", disk: "/var/tmp/cells" };
export const names = { a: "Alpha.one", b: "Beta.two" };
/** Two programs, and a folder. */
export const paths = {
  a: `${folders.memory}/${names.a}`,
  b: `${folders.memory}/${names.b}`,
  c: `${folders.disk}/Gamma.three`,
};
/** There are no such folders. */
export const missing = {
  a: `${paths.a}/nothing`,
  b: `${paths.b}/nothing`,
  c: `${paths.c}/nothing`,
};
/** Lengths of a file: their lower parts are numbers with and without a sign. */
export const lengths = {
  wide: { a: 0x1_8282_8283, b: 0x1_0101_0105 },
  /** Capabilities and commands of bpf(2) have these numbers. */
  named: { a: 23, b: 6 },
};
export const sockets = {
  a: { from: "127.0.0.1", fromPort: 701, to: "127.0.0.3", port: 613 },
  b: { from: "::1", fromPort: 7010, to: "::1", port: 6130 },
};
/** Both of IPv4. */
export const datagrams = {
  a: { from: "127.0.0.1", fromPort: 702, to: "127.0.0.3", port: 614 },
  b: { from: "127.0.0.2", fromPort: 7020, to: "127.0.0.4", port: 6140 },
};

const cell = (operator: string, values: readonly string[], ...holds: CallName[]): Cell => ({
  operator,
  values,
  holds,
});

/** By one value of two that are told apart. */
function ofNumbers(a: bigint, b: bigint): readonly Cell[] {
  const [least, greatest] = a < b ? [a, b] : [b, a];
  const [ofLeast, ofGreatest]: CallName[] = a < b ? ["a", "b"] : ["b", "a"];
  const bits = a & ~b & 0xff_ffff_ffffn;
  return [
    cell("Equal", [`${a}`], "a"),
    cell("NotEqual", [`${a}`], "b"),
    ...["GT", "GreaterThan"].map((operator) => cell(operator, [`${least}`], ofGreatest ?? "a")),
    ...["LT", "LessThan"].map((operator) => cell(operator, [`${greatest}`], ofLeast ?? "a")),
    cell("Mask", [`${bits & -bits}`], "a"),
    cell("InRange", [`${a}:${a}`], "a"),
    cell("NotInRange", [`${a}:${a}`], "b"),
    cell("InMap", [`${a}`, "90", "91", "92", "93"], "a"),
    cell("NotInMap", [`${a}`, "90", "91", "92", "93"], "b"),
  ];
}

/** `a` has one of the names, at its end but for NULs. */
function ofTexts(a: string, ...others: CallName[]): readonly Cell[] {
  const end = a.slice(a.indexOf(names.a) + 1);
  const start = a.slice(0, a.indexOf(names.a) + 3);
  return [
    cell("Equal", [a], "a"),
    cell("NotEqual", [a], ...others),
    cell("Prefix", [start], "a"),
    cell("NotPrefix", [start], ...others),
    cell("Postfix", [end], "a"),
    cell("NotPostfix", [end], ...others),
    cell("SubString", ["pha.o"], "a"),
    cell("SubStringIgnCase", ["PHA.O"], "a"),
  ];
}

/** Two files in memory, and a folder on the disk. */
const ofFiles = [
  cell("FileType", ["reg"], "a", "b"),
  cell("NotFileType", ["reg"], "c"),
  cell("Origin", ["memory"], "a", "b"),
  cell("NotOrigin", ["memory"], "c"),
];

/** All in memory, and of one type. */
const ofEqualFiles = (type: string, another: string) => [
  cell("FileType", [type], "a", "b"),
  cell("FileType", [another]),
  cell("NotFileType", [another], "a", "b"),
  cell("NotFileType", [type]),
  cell("Origin", ["memory"], "a", "b"),
  cell("Origin", ["volume"]),
  cell("NotOrigin", ["volume"], "a", "b"),
  cell("NotOrigin", ["memory"]),
];

/** The other end is the only one of a socket address, which is its source. */
const ofSource = (address: string, port: number) => [
  cell("SAddr", [address], "a"),
  cell("NotSAddr", [address], "b"),
  cell("SPort", [`${port}`], "a"),
  cell("NotSPort", [`${port}`], "b"),
  cell("SPortPriv", [], "a"),
  cell("NotSportPriv", [], "b"),
];

const ofDestination = [
  cell("DAddr", ["127.0.0.2/31"], "a"),
  cell("NotDAddr", ["127.0.0.2/31"], "b"),
  cell("DPort", ["600:699"], "a"),
  cell("NotDPort", ["600:699"], "b"),
  cell("DPortPriv", [], "a"),
  cell("NotDPortPriv", [], "b"),
];

const ofTcp = (state: string) => [
  cell("Protocol", ["IPPROTO_TCP"], "a", "b"),
  cell("Protocol", ["IPPROTO_UDP"]),
  cell("Family", ["AF_INET"], "a"),
  cell("State", [state], "a", "b"),
  cell("State", ["TCP_LISTEN"]),
];

const kernel = (call: string, index: number): Pick<TypeCase, "section" | "entry" | "index"> => ({
  section: "kprobes",
  entry: { call, syscall: false },
  index,
});
const syscall = (call: string, index: number) => ({
  ...kernel(call, index),
  entry: { call },
});
const tracepoint = (subsystem: string, event: string, index: number) =>
  ({ section: "tracepoints", entry: { subsystem, event }, index }) as const;

const numberOf = ({ bits = 64, signed }: ArgTypeRow, value: number): bigint =>
  signed ? BigInt.asIntN(bits, BigInt(value)) : BigInt.asUintN(bits, BigInt(value));

/** By lengths of files. */
const ofLengths = (a: bigint, b: bigint, shown = { a: `${a}`, b: `${b}` }): TypeCase => ({
  ...syscall("sys_ftruncate", 1),
  ...{ by: "test", shown, cells: ofNumbers(a, b) },
});

const ofNamed = (shown: { readonly a: string; readonly b: string }) =>
  ofLengths(BigInt(lengths.named.a), BigInt(lengths.named.b), shown);

/** Every capability of this kernel, and all but CAP_SYS_ADMIN. */
const capabilitySet = (all: bigint): TypeCase => {
  const without = all & ~(1n << 21n);
  const hex = (value: bigint) => value.toString(16).padStart(16, "0");
  return {
    ...kernel("security_capset", 2),
    by: "scenes",
    shown: { a: hex(all), b: hex(without) },
    cells: [
      ...ofNumbers(all, without),
      { ...cell("CapabilitiesGained", ["CAP_SYS_ADMIN"], "a"), args: [1, 0] },
    ],
  };
};

const file = (hook: Pick<TypeCase, "section" | "entry" | "index">): TypeCase => ({
  ...hook,
  by: "test",
  shown: paths,
  cells: [...ofTexts(paths.a, "b", "c"), ...ofFiles],
});

const { a: alpha, b: beta } = names;
const text = { by: "test", shown: names, cells: ofTexts(alpha, "b") } as const;
const ports = (all: typeof sockets) => ({ a: `${all.a.port}`, b: `${all.b.port}` });

/** @param all the capabilities that the test has. */
export const typeCases = (all: bigint): Readonly<Record<string, TypeCase>> => ({
  ...Object.fromEntries(
    (
      ["int8", "uint8", "int16", "uint16", "int", "uint32", "int64", "uint64", "size_t"] as const
    ).map((type) => {
      const [a, b] = [lengths.wide.a, lengths.wide.b].map((of) => numberOf(typeRow(type), of));
      return [type, ofLengths(a ?? 0n, b ?? 0n)];
    }),
  ),
  capability: ofNamed({ a: "CAP_SYS_NICE", b: "CAP_SETGID" }),
  bpf_cmd: ofNamed({ a: "BPF_BTF_GET_NEXT_ID", b: "BPF_OBJ_PIN" }),
  // getpid of x86-64, and of 32-bit code.
  syscall64: {
    ...tracepoint("raw_syscalls", "sys_enter", 4),
    by: "scenes",
    shown: { a: "39 x64", b: "20 i386" },
    cells: ofNumbers(39n, 0x8000_0014n),
  },
  ...Object.fromEntries(
    ["kernel_cap_t", "cap_inheritable", "cap_permitted", "cap_effective"].map((type) => [
      type,
      capabilitySet(all),
    ]),
  ),
  string: {
    ...syscall("sys_chdir", 0),
    by: "test",
    shown: missing,
    cells: ofTexts(missing.a, "b", "c"),
  },
  filename: {
    ...kernel("do_filp_open", 1),
    by: "test",
    shown: paths,
    cells: ofTexts(paths.a, "b", "c"),
  },
  data_loc: {
    ...tracepoint("sched", "sched_process_exec", 4),
    by: "anybody",
    shown: { a: paths.a, b: paths.b },
    cells: ofTexts(paths.a, "b"),
  },
  net_device: { ...kernel("dev_set_mtu_ext", 0), ...text, by: "anybody" },
  char_buf: { ...syscall("sys_pwrite64", 1), ...text, sizeArgIndex: 3 },
  char_iovec: { ...syscall("sys_pwritev", 1), ...text, sizeArgIndex: 3 },
  iov_iter: { ...kernel("random_write_iter", 1), ...text },
  // The name of the forking process, in 16 bytes.
  const_buf: {
    ...tracepoint("task", "task_newtask", 5),
    by: "anybody",
    shown: { a: alpha.padEnd(16, "\0"), b: beta.padEnd(16, "\0") },
    cells: ofTexts(alpha.padEnd(16, "\0"), "b"),
  },
  fd: file(syscall("sys_ftruncate", 0)),
  file: file(kernel("security_file_open", 0)),
  path: file(kernel("security_path_chmod", 0)),
  linux_binprm: {
    ...kernel("security_bprm_check", 0),
    by: "anybody",
    shown: { a: paths.a, b: paths.b },
    cells: [...ofTexts(paths.a, "b"), ...ofEqualFiles("reg", "dir")],
  },
  // Inside of its file system.
  dentry: {
    ...kernel("security_inode_setattr", 1),
    by: "test",
    shown: { a: `/cells/${alpha}`, b: `/cells/${beta}`, c: paths.c },
    cells: [...ofTexts(`/cells/${alpha}`, "b", "c"), ...ofFiles],
  },
  kiocb: {
    ...kernel("random_write_iter", 0),
    by: "test",
    shown: { a: "/dev/random", b: "/dev/urandom" },
    cells: [
      cell("Equal", ["/dev/random"], "a"),
      cell("NotEqual", ["/dev/random"], "b"),
      cell("Prefix", ["/dev/ra"], "a"),
      cell("NotPrefix", ["/dev/ra"], "b"),
      cell("Postfix", ["/random"], "a"),
      cell("NotPostfix", ["/random"], "b"),
      cell("SubString", ["v/ra"], "a"),
      cell("SubStringIgnCase", ["V/RA"], "a"),
      ...ofEqualFiles("chr", "reg"),
    ],
  },
  sock: {
    ...kernel("tcp_connect", 0),
    by: "test",
    shown: ports(sockets),
    cells: [
      ...ofSource(sockets.a.from, sockets.a.fromPort),
      ...ofDestination,
      ...ofTcp("TCP_SYN_SENT"),
    ],
  },
  socket: {
    ...kernel("security_socket_shutdown", 0),
    by: "test",
    shown: ports(sockets),
    cells: [
      ...ofSource(sockets.a.from, sockets.a.fromPort),
      ...ofDestination,
      ...ofTcp("TCP_ESTABLISHED"),
    ],
  },
  sockaddr: {
    ...kernel("security_socket_connect", 1),
    by: "test",
    shown: ports(sockets),
    cells: [...ofSource(sockets.a.to, sockets.a.port), cell("Family", ["AF_INET"], "a")],
  },
  skb: {
    ...kernel("ip_output", 2),
    by: "test",
    shown: ports(datagrams),
    cells: [
      ...ofSource(datagrams.a.from, datagrams.a.fromPort),
      ...ofDestination,
      cell("Protocol", ["IPPROTO_UDP"], "a", "b"),
      cell("Protocol", ["IPPROTO_TCP"]),
      cell("Family", ["AF_INET"], "a", "b"),
      cell("Family", ["AF_INET6"]),
    ],
  },
});
