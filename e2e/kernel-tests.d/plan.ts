// SPDX-License-Identifier: Apache-2.0
// Which kernel test runs on which kernels, and which shares a guest with others. A file that is not named
// here runs on every kernel and shares: should it leave something in the guest, those after it get a new one.
import { matchesGlob } from "node:path";

/** Oldest first; `make setup` brings them. */
export const kernels: readonly string[] = ["6.1", "6.12"];

interface Rule {
  /** Of paths below the repository. */
  readonly files: string;
  readonly because: string;
}

/** On the newest kernel only, but for `make test-all`: other kernels could not make a difference. */
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
    files: "e2e/tests/state-kept.*",
    because: "what user space writes to disk; adoption asks each kernel for its pins",
  },
  {
    files: "e2e/siege/siege.*",
    because: "whether a siege can fail; `make siege` runs on each kernel",
  },
  {
    files: "e2e/tests/canaries.*",
    because: "requests are made in user space, from events that other tests see on each kernel",
  },
  { files: "packages/libbpf/src/lifetime.*", because: "memory and threads of the addon" },
  {
    files: "packages/sensor/src/policy/node/node-policies.*",
    because: "bookkeeping of versions; pods-attack and bpf/test/cgroups ask each kernel",
  },
  {
    files: "packages/sensor/src/sensor.*",
    because: "its life and its answers; enforcement-stays and adoption ask each kernel",
  },
  {
    files: "packages/sensor/src/policy/policy-manager.*",
    because: "states of policies in user space; what they do is tested by the others",
  },
];

/** Each in a guest of its own. */
export const alone: readonly Rule[] = [
  { files: "e2e/guest/guest.*", because: "tests the guest as it boots, and loads modules" },
  { files: "e2e/tests/process-storm.*", because: "fills the machine with processes" },
  { files: "e2e/tests/takeover.*", because: "sensors are killed and leave their pins" },
  { files: "e2e/tests/lockout.*", because: "sensors are killed and leave their pins" },
  { files: "bpf/test/storm.*", because: "fills the machine with processes" },
  { files: "e2e/siege/siege.*", because: "does all it can to the machine" },
  { files: "bench/src/phases.*", because: "a measurement is of a fresh machine" },
];

export function isNamed(rules: readonly Rule[], file: string): boolean {
  return rules.some((rule) => matchesGlob(file, rule.files));
}

/** What `make test` runs there. */
export function runsOn(kernel: string, file: string): boolean {
  return kernel === kernels.at(-1) || !isNamed(onNewestOnly, file);
}
