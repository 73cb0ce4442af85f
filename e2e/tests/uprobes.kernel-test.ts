// SPDX-License-Identifier: Apache-2.0
// Functions of programs, as users see them: events, and what is done to the process.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { describeResult, run } from "./lib/attack.ts";
import { Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const folder = "/tmp/uprobes";
const program = `${folder}/called`;
const made = `${folder}/made`;
const built = resolve(import.meta.dirname, "../../bpf/build/test/called");
const libc = /\/\S*\/libc[.-]\S*so\S*/.exec(readFileSync("/proc/self/maps", "utf8"))?.[0] ?? "";

const policy = (name: string, uprobes: string) =>
  `apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: { name: ${name} }\nspec:\n  uprobes:\n${uprobes}`;

const observed = policy(
  "observed",
  `  - path: ${program}
    symbols: [adds]
    message: something is added
    tags: [numbers]
    args:
    - { index: 0, type: int }
    - { index: 1, type: uint64 }
    - { index: 2, type: string }
    - { index: 3, type: char_buf, sizeArgIndex: 5 }
    selectors:
    - matchArgs: [{ index: 2, operator: Prefix, values: [seen] }]
  - path: ${program}
    symbols: [factorial]
    args: [{ index: 0, type: uint32, label: n }]
    return: true
    returnArg: { index: 0, type: long }
  - path: ${program}
    symbols: [answers]
    args: [{ index: 0, type: string }]
    data: [{ index: 0, source: current_task, resolve: tgid, type: int }]
    return: true
    returnArg: { index: 0, type: string, label: answer }
    selectors:
    - matchReturnArgs: [{ index: 0, operator: Prefix, values: ["yes"] }]
  - path: ${program}
    symbols: [at_registers]
    data:
    - { index: 0, source: pt_regs, resolve: rax }
    - { index: 1, source: pt_regs, resolve: eax, type: int }
    - { index: 2, source: pt_regs, resolve: ah }
    - { index: 3, source: pt_regs, resolve: al, type: int8 }
    - { index: 4, source: pt_regs, resolve: rbx, type: string, label: text }
    - { index: 5, source: current_task, resolve: mm.exe_file }
    selectors:
    - matchData:
      - { index: 3, operator: LT, values: ["0"] }
      - { index: 4, operator: Equal, values: [seen] }
      - { index: 5, operator: Postfix, values: [/called] }
  - path: ${libc}
    symbols: [umask]
    args: [{ index: 0, type: uint32 }]
    selectors:
    - matchArgs: [{ index: 0, operator: Equal, values: ["0o53"] }]
`,
);
const killed = policy(
  "killed",
  `  - path: ${program}
    symbols: [creates]
    args: [{ index: 0, type: string }]
    selectors:
    - matchArgs: [{ index: 0, operator: Equal, values: [${made}] }]
      matchBinaries: [{ operator: NotIn, values: [/usr/bin/trusted] }]
      matchActions: [{ action: Sigkill }]
`,
);

describe("functions of programs", () => {
  let sensor: Sensor;
  const uprobes = (symbol: string) =>
    sensor
      .events()
      .flatMap(({ process_uprobe: event }) => (event?.symbol === symbol ? [event] : []));

  before(async () => {
    mkdirSync(folder, { recursive: true });
    copyFileSync(built, program);
    sensor = await Sensor.start({
      policies: { "observed.yaml": observed, "killed.yaml": killed },
    });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("an event has the arguments of the function, in the process's memory, too", async () => {
    run(program, ["adds", "-1", "0x100000000", "not seen", "ab"]);
    run(program, ["adds", "-1", "0x100000000", "seen", "ab"]);
    await sensor.settled();
    const [event, ...others] = uprobes("adds");
    assert.deepEqual(others, []);
    assert.deepEqual(event?.args, [
      { int_arg: -1 },
      { size_arg: "4294967296" },
      { string_arg: "seen" },
      { bytes_arg: Buffer.from("ab").toString("base64") },
    ]);
    assert.equal(event?.path, program);
    assert.equal(event?.policy_name, "observed");
    assert.equal(event?.message, "something is added");
    assert.deepEqual(event?.tags, ["numbers"]);
    assert.equal(event?.process.binary, program);
    assert.equal(event?.action, "KPROBE_ACTION_POST");
  });

  test("a function that calls itself returns with the arguments of each call", async () => {
    assert.equal(run(program, ["factorial", "4"]).output, "24\n");
    await sensor.settled();
    assert.deepEqual(
      uprobes("factorial").map(({ args }) => args),
      [
        [1, "1"],
        [2, "2"],
        [3, "6"],
        [4, "24"],
      ].map(([n, value]) => [
        { uint_arg: n, label: "n" },
        { long_arg: value, label: "return" },
      ]),
    );
  });

  test("a text that a function returns is read, and selects calls", async () => {
    for (const question of ["?", "!"]) run(program, ["answers", question]);
    await sensor.settled();
    assert.deepEqual(
      uprobes("answers").map(({ args, data, process }) => [args, data, process.pid]),
      [
        [
          [{ string_arg: "?" }, { string_arg: "yes, of course", label: "answer" }],
          [{ int_arg: uprobes("answers")[0]?.process.pid }],
          uprobes("answers")[0]?.process.pid,
        ],
      ],
    );
  });

  test("registers and their parts are data, as are values behind the task", async () => {
    for (const text of ["not seen", "seen"]) run(program, ["registers", text]);
    await sensor.settled();
    const [event, ...others] = uprobes("at_registers");
    assert.deepEqual(others, []);
    assert.equal(event?.args, undefined);
    const data = event?.data ?? [];
    assert.deepEqual(data.slice(0, 5), [
      { size_arg: String(0x1122334455ff7788n) },
      { int_arg: 0x55ff7788 },
      { uint_arg: 0x77 },
      { int_arg: -0x78 },
      { string_arg: "seen", label: "text" },
    ]);
    assert.equal(data[5]?.file_arg?.path, program);
    assert.equal(data.length, 6);
  });

  test("a function of a library is hooked in each program that uses it", async () => {
    spawnSync("bash", ["-c", "umask 053; umask 022"]);
    await sensor.settled();
    const binaries = uprobes("umask").map(({ process }) => process.binary);
    assert.deepEqual(binaries, [/bash/.exec(binaries[0] ?? "") ? binaries[0] : "bash"]);
  });

  test("a process is killed before the function runs", async () => {
    const result = run(program, ["creates", made]);
    assert.equal(result.signal, "SIGKILL", describeResult(result));
    assert.equal(existsSync(made), false);
    await sensor.settled();
    assert.deepEqual(
      uprobes("creates").map(({ action, args }) => [action, args]),
      [["KPROBE_ACTION_SIGKILL", [{ string_arg: made }]]],
    );
    assert.equal(run(program, ["creates", `${made}-other`]).status, 0);
    assert.ok(existsSync(`${made}-other`));
  });

  test("a check on this machine knows what the program lacks", () => {
    const file = `${folder}/checked.yaml`;
    const check = (symbol: string) => {
      writeFileSync(file, policy("checked", `  - path: ${program}\n    symbols: [${symbol}]\n`));
      return run("gander", ["policy", "check", "--kernel", "live", file]);
    };
    assert.equal(check("adds").status, 0);
    const wrong = check("addz");
    assert.equal(wrong.status, 1, describeResult(wrong));
    assert.match(wrong.output + wrong.errors, /addz/);
  });

  test("without the policy the function runs", async () => {
    sensor.removePolicy("killed.yaml");
    const runs = () => run(program, ["creates", made]).status === 0;
    await waitUntil("the policy is gone", runs, 60_000);
    assert.ok(existsSync(made));
  });
});
