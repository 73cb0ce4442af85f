// SPDX-License-Identifier: Apache-2.0
// Override at functions of a program: what the program prints shows which code ran, and with which registers. Kernels
// that let no probe change registers refuse such policies.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { fieldAt, findType, readKernelBtf } from "@gander/libbpf";
import { elfOf } from "../../test/elf.ts";
import {
  addPolicy,
  assertCountsAddUp,
  policyOf,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";
import { findFunction } from "../elf/find-function.ts";

const folder = mkdtempSync("/tmp/overrides-");
const program = `${folder}/overridden`;
copyFileSync(resolve(import.meta.dirname, "../../../../bpf/build/test/overridden"), program);

const sensor = await startGuestSensor({ name: "gander-overrides", detachUnusedAfterMs: 1_000 });
after(async () => {
  await sensor[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const btf = readKernelBtf();
const aux = findType(btf, "struct", "bpf_prog_aux") ?? assert.fail();
const isPossible = fieldAt(btf, aux, "kprobe_write_ctx") !== undefined;
const onlyWherePossible = { skip: !isPossible };

/** How it ends, and what it printed. */
function run(what: string, number: number): string {
  const { status, signal, stdout } = spawnSync(program, [what, `${number}`], { encoding: "utf8" });
  return `${signal ?? status} ${stdout.trim().replaceAll("\n", " ")}`;
}
const counters = (name = "override") => stateOf(sensor.policies, name).counters;
const text = (does: string, name = "override") =>
  policyText(
    name,
    `
uprobes:
- path: ${program}
  symbols: [doubles]
  args: [{ index: 0, type: int64 }]
  selectors:
  - matchArgs: [{ index: 0, operator: LT, values: ["1000"] }]
    matchActions: [{ action: Override, ${does} }]`,
  );
const remove = (name: string) => sensor.policies.remove({ name, namespace: "", origin: "static" });

async function withOverride(does: string, test: () => unknown): Promise<void> {
  await addPolicy(sensor.policies, text(does));
  try {
    await test();
    assertCountsAddUp(stateOf(sensor.policies, "override"));
  } finally {
    await remove("override");
  }
}

test("it is refused where the kernel lets no probe change registers", async () => {
  const { problems = [] } = await sensor.policies.add(policyOf(text("argError: -1")), "static");
  if (isPossible) await remove("override");
  assert.match(
    problems.map(({ message }) => message).join(),
    isPossible
      ? /^$/
      : /lets probes change registers, which Linux does from 6\.18 on; this one is 6/,
  );
});

test("the program without policies", () => {
  assert.deepEqual(
    [run("doubles", 4), run("calls", 3), run("squares", 4)],
    ["0 doubling 8", "0 doubling 3008", "0 16"],
  );
});

test("argError: a function returns it, and does not run", onlyWherePossible, async () => {
  await withOverride("argError: -1", () => {
    assert.deepEqual(
      [run("doubles", 4), run("calls", 3), run("doubles", 1000), run("squares", 4)],
      ["0 -1", "0 2999", "0 doubling 2000", "0 16"],
    );
    const { matched, denied, filtered, enforceFailed } = counters();
    assert.deepEqual([matched, denied, filtered, enforceFailed], [2n, 2n, 1n, 0n]);
  });
  await withOverride("argError: 0", () => assert.equal(run("doubles", 4), "0 0"));
});

test(
  "argNewSymbol, argNewAddr, argNewOffset: another function runs",
  onlyWherePossible,
  async () => {
    const elf = elfOf(readFileSync(program));
    assert.ok(elf.problem === undefined);
    const squares = findFunction(elf, { by: "symbol", name: "squares", plus: 0 });
    assert.ok(squares.problem === undefined);
    for (const does of [
      "argNewSymbol: squares",
      `argNewAddr: ${squares.address}`,
      `argNewOffset: ${squares.offset}`,
    ])
      await withOverride(does, () => {
        assert.deepEqual([run("doubles", 4), run("calls", 3)], ["0 16", "0 3016"], does);
      });
  },
);

test("argRegs: registers become what the policy says", onlyWherePossible, async () => {
  const cases: readonly (readonly [registers: string, printed: string])[] = [
    ["rdi=7", "0 doubling 14"],
    // As an instruction writes them: the upper half of 32 bits is 0, of smaller ones it stays.
    ["edi=0x100000007", "0 doubling 14"],
    ["dil=1", "0 doubling 514"],
    ["rdi=1%rdi", "0 doubling 602"],
    // Each step reads what the one before has written.
    ['rsi=-2%edi", "rdi=3%rsi', "0 doubling 602"],
    // What the caller is about to return to is taken from the stack.
    ['rax=11", "rip=(%rsp)", "rsp=8%rsp', "0 11"],
    ['rsp=8%rsp", "rip=-8(%rsp)", "rax=%rdi', "0 300"],
  ];
  for (const [registers, printed] of cases)
    await withOverride(`argRegs: ["${registers}"]`, () => {
      assert.equal(run("doubles", 300), printed, registers);
    });
});

test(
  "memory that can't be read: nothing changes, and that is counted",
  onlyWherePossible,
  async () => {
    await withOverride('argRegs: ["rdi=1", "rax=(%rdi)"]', () => {
      assert.equal(run("doubles", 4), "0 doubling 8");
      const { matched, denied, enforceFailed } = counters();
      assert.deepEqual([matched, denied, enforceFailed], [1n, 0n, 1n]);
    });
  },
);

test("in mode monitor it is only counted", onlyWherePossible, async () => {
  const monitor = "spec:\n  options: [{ name: policy-mode, value: monitor }]";
  await addPolicy(sensor.policies, text("argError: -1").replace("spec:", monitor));
  assert.equal(run("doubles", 4), "0 doubling 8");
  assert.deepEqual([counters().denied, counters().wouldDeny], [0n, 1n]);
  await remove("override");
});

test("of several policies the first decides", onlyWherePossible, async () => {
  await addPolicy(sensor.policies, text("argError: -1"));
  await addPolicy(sensor.policies, text("argError: -2", "second"));
  assert.equal(run("calls", 3), "0 2999");
  assert.deepEqual([counters().denied, counters("second").denied], [1n, 0n]);
  assert.deepEqual([counters().enforceFailed, counters("second").enforceFailed], [0n, 1n]);
  await remove("override");
  assert.equal(run("calls", 3), "0 2998");
  await remove("second");
});

test(
  "another policy sees the return of a function that did not run",
  onlyWherePossible,
  async () => {
    const returns = policyText(
      "returns",
      `
uprobes:
- path: ${program}
  symbols: [doubles]
  return: true
  returnArg: { index: 0, type: int64 }
  selectors:
  - matchReturnArgs: [{ index: 0, operator: Equal, values: ["-1"] }]`,
    );
    await addPolicy(sensor.policies, returns);
    await withOverride("argError: -1", () => assert.equal(run("calls", 3), "0 2999"));
    assert.equal(counters("returns").matched, 1n);
    await remove("returns");
    // The other order.
    await addPolicy(sensor.policies, text("argError: -1"));
    await addPolicy(sensor.policies, returns);
    assert.equal(run("calls", 3), "0 2999");
    assert.equal(counters("returns").matched, 1n);
    await remove("override");
    await remove("returns");
  },
);

test(
  "a program of more features takes its place while calls go on",
  onlyWherePossible,
  async () => {
    await addPolicy(sensor.policies, text("argError: -1"));
    const loop = `while [ ! -e ${folder}/stop ]; do ${program} calls 3; done`;
    const calls = promisify(execFile)("bash", ["-c", loop]);
    const more = text("argError: -1", "more")
      .replace("type: int64", "type: string")
      .replace('operator: LT, values: ["1000"]', 'operator: Equal, values: ["x"]');
    await addPolicy(sensor.policies, more);
    writeFileSync(`${folder}/stop`, "");
    const printed = (await calls).stdout.trim().split("\n");
    assert.ok(printed.length > 3, `${printed.length} calls`);
    assert.deepEqual([...new Set(printed)], ["2999"]);
    for (const name of ["more", "override"]) await remove(name);
  },
);
