// SPDX-License-Identifier: Apache-2.0
// Which kernel test runs on which kernels, and which shares a guest with others. A file that is not named
// here runs on every kernel and shares: should it leave something in the guest, those after it get a new one.
import { matchesGlob } from "node:path";

/** Oldest first; `make setup` brings them. */
export const kernels: readonly string[] = ["6.1", "6.12"];

/** Whichever Debian has in its backports (`scripts/setup backports`): newer than all others, and another each month. */
export const backports = "backports";

interface Rule {
  /** Of paths below the repository. */
  readonly files: string;
  readonly because: string;
}

/**
 * On the newest kernel only, but for `make test-all`: other kernels could not make a difference, or another file asks
 * them for what could.
 */
export const onNewestOnly: readonly Rule[] = [
  { files: "bench/src/phases.*", because: "measures; kernels are asked the same everywhere" },
  { files: "e2e/tests/counters.*", because: "sums of user space; bpf/test asks each kernel" },
  { files: "e2e/tests/export-file.*", because: "files that user space writes and rotates" },
  { files: "e2e/tests/grpc-client.*", because: "the interface to clients, in user space" },
  { files: "e2e/tests/hostile-grpc.*", because: "what user space makes of requests" },
  { files: "e2e/tests/hostile-input.*", because: "what user space makes of names and arguments" },
  { files: "e2e/tests/instance.*", because: "locks, sockets and answers of user space" },
  {
    files: "e2e/tests/lockout.*",
    because: "how a start is told of; exemption asks each kernel whom it exempts",
  },
  { files: "e2e/tests/operator.*", because: "the stream to the operator and its files" },
  { files: "e2e/tests/policy-directory.*", because: "how user space follows a directory" },
  {
    files: "e2e/tests/preconditions.*",
    because: "what user space checks; takeover starts with the chart's rights on each kernel",
  },
  { files: "e2e/tests/process-storm.*", because: "what user space keeps; bpf/test/storm counts" },
  {
    files: "e2e/tests/recordings.*",
    because: "what user space makes of events, which other tests ask each kernel for",
  },
  {
    files: "e2e/tests/state-kept.*",
    because: "what user space writes to disk; adoption asks each kernel for its pins",
  },
  {
    files: "e2e/tests/canaries.*",
    because: "requests are made in user space, from events that other tests see on each kernel",
  },
  {
    files: "bpf/test/storm.*",
    because: "sums of user space; counters of the programs are asked by bpf/test/actions",
  },
  {
    files: "e2e/tests/addresses.*",
    because: "how values are written; seed-network asks each kernel for addresses",
  },
  {
    files: "e2e/tests/attack.*",
    because: "who did it and who reported it; what policies refuse is asked elsewhere",
  },
  {
    files: "e2e/tests/bugtool.*",
    because: "what user space collects and leaves out",
  },
  {
    files: "e2e/tests/explain.*",
    because: "sentences of user space about what other tests ask each kernel",
  },
  {
    files: "packages/sensor/src/policy/node/many-groups.*",
    because: "bookkeeping of groups; bpf/test/cgroups asks each kernel",
  },
  {
    files: "e2e/tests/bypass.*",
    because: "who writes; seed-files and unknown ask each kernel",
  },
  {
    files: "e2e/tests/connect-races.*",
    because: "connections asks each kernel where a connection is denied",
  },
  {
    files: "e2e/tests/enforcement-stays.*",
    because: "adoption and takeover ask each kernel what stays",
  },
  {
    files: "e2e/tests/forged-paths.*",
    because: "bpf/test/paths and unknown ask each kernel for paths",
  },
  {
    files: "e2e/tests/generated-lists.*",
    because: "function-lists and attach ask each kernel",
  },
  {
    files: "e2e/tests/loader.*",
    because: "which events there are; attach asks each kernel for the hook",
  },
  {
    files: "e2e/tests/never-waits.*",
    because: "what user space waits for; exec-filters asks each kernel for memory that isn't there",
  },
  {
    files: "e2e/tests/random-policies.*",
    because: "published-policies loads what the kernels differ in",
  },
  {
    files: "e2e/tests/remove-all.*",
    because: "what user space removes; takeover asks each kernel for its pins",
  },
  {
    files: "e2e/tests/sessions.*",
    because: "what user space makes of processes; bpf/test/process asks each kernel",
  },
  {
    files: "e2e/tests/socket-owners.*",
    because: "bpf/test/actions asks each kernel for owners of sockets",
  },
  {
    files: "e2e/tests/unguarded-*",
    because: "whether attacks work where nobody guards",
  },
  {
    files: "e2e/tests/uprobes.*",
    because: "how events look; policy/uprobes asks each kernel",
  },
  {
    files: "e2e/tests/usdts.*",
    because: "how events look; policy/usdts asks each kernel",
  },
  {
    files: "e2e/tests/values-behind-arguments.*",
    because: "how events look; bpf/test/routes asks each kernel",
  },
  {
    files: "packages/sensor/src/policy/event-budget.*",
    because: "bookkeeping; bpf/test/actions asks each kernel for limits of rate",
  },
  {
    files: "packages/sensor/src/policy/expressions.*",
    because: "expressions are filters; bpf/test/rows asks each kernel for these",
  },
  {
    files: "packages/sensor/src/policy/gained-capabilities.*",
    because: "a comparison of numbers; bpf/test/rows asks each kernel",
  },
  {
    files: "packages/sensor/src/policy/many-lists.*",
    because: "an index; bpf/test/cache and rows ask each kernel",
  },
  {
    files: "packages/sensor/src/policy/node/selector-workloads.*",
    because: "bookkeeping of workloads; bpf/test/cgroups asks each kernel",
  },
  {
    files: "packages/sensor/src/policy/pods-attack.*",
    because: "policies of pods; bpf/test/cgroups and adoption ask each kernel",
  },
  {
    files: "packages/sensor/src/policy/unix-sockets.*",
    because: "a value behind an argument; bpf/test/routes asks each kernel",
  },
  { files: "packages/libbpf/src/lifetime.*", because: "memory and threads of the addon" },
  {
    files: "packages/sensor/src/policy/node/node-policies.*",
    because: "bookkeeping of versions; bpf/test/cgroups asks each kernel",
  },
  {
    files: "packages/sensor/src/sensor.*",
    because: "its life and its answers; adoption asks each kernel",
  },
  {
    files: "packages/sensor/src/policy/policy-manager.*",
    because: "states of policies in user space; what they do is tested by the others",
  },
];

/** What `make test-all` runs on the kernel of backports: the most that depends on a kernel, in some minutes. */
export const onBackports: readonly string[] = [
  "bpf/test/features.kernel-test.ts",
  "bpf/test/paths.kernel-test.ts",
  "bpf/test/process.kernel-test.ts",
  "bpf/test/rows.kernel-test.ts",
  "bpf/test/verified-instructions.kernel-test.ts",
  "e2e/tests/seed-files.kernel-test.ts",
  "e2e/tests/seed-network.kernel-test.ts",
  "packages/sensor/src/policy/overrides.kernel-test.ts",
  "packages/sensor/src/policy/uprobes.kernel-test.ts",
  "packages/sensor/src/policy/usdts.kernel-test.ts",
];

/** By `make test-all` alone. */
export const inFullOnly: readonly Rule[] = [
  {
    files: "e2e/siege/siege.*",
    because: "whether a siege can fail; who changes that runs `make siege`",
  },
  {
    files: "e2e/corpus/*",
    because: "ordinary work takes many minutes, and packages that `make test` does not fetch",
  },
];

/** Each in a guest of its own. */
export const alone: readonly Rule[] = [
  { files: "e2e/guest/guest.*", because: "tests the guest as it boots, and loads modules" },
  { files: "e2e/tests/process-storm.*", because: "fills the machine with processes" },
  { files: "e2e/tests/takeover.*", because: "sensors are killed and leave their pins" },
  { files: "e2e/tests/lockout.*", because: "sensors are killed and leave their pins" },
  { files: "bpf/test/storm.*", because: "fills the machine with processes" },
  { files: "e2e/corpus/*", because: "containers use much memory, and leave modules" },
  { files: "e2e/siege/siege.*", because: "does all it can to the machine" },
  { files: "bench/src/phases.*", because: "a measurement is of a fresh machine" },
];

export function isNamed(rules: readonly Rule[], file: string): boolean {
  return rules.some((rule) => matchesGlob(file, rule.files));
}

/** What `make test` runs there. */
export function runsOn(kernel: string, file: string): boolean {
  if (isNamed(inFullOnly, file)) return false;
  return kernel === kernels.at(-1) || !isNamed(onNewestOnly, file);
}
