// SPDX-License-Identifier: Apache-2.0
// Policies on static probes of a program: what the counts of policies and the program itself show.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { release } from "node:os";
import { resolve } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { elfOf } from "../../test/elf.ts";
import {
  addPolicy,
  assertCountsAddUp,
  policyOf,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";
import { findProbe } from "../elf/find-probe.ts";

const built = resolve(import.meta.dirname, "../../../../bpf/build/test/probed");
const folder = mkdtempSync("/tmp/usdts-");
const program = `${folder}/probed`;
const made = `${folder}/made`;
copyFileSync(built, program);

const options = { name: "gander-usdts", detachUnusedAfterMs: 1_000 };
let sensor = await startGuestSensor(options);
after(async () => {
  await sensor[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const call = (...args: readonly string[]) =>
  spawnSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const state = (name: string) => stateOf(sensor.policies, name);
const probe = (name: string, rest: string) =>
  `usdts:\n- path: ${program}\n  provider: shop\n  name: ${name}\n${rest}`;
const add = (name: string, spec: string) => addPolicy(sensor.policies, policyText(name, spec));
const remove = (name: string) => sensor.policies.remove({ name, namespace: "", origin: "static" });

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !holds(); waited += 250) {
    assert.ok(waited < 60_000, what);
    await sleep(250);
  }
}

/** Adds a policy with one filter on one argument of the probe `forms`; says whether the call matches. */
async function matches(index: number, type: string, operator: string, value: string) {
  const spec = `
  args: [{ index: ${index}, type: ${type}${type === "char_buf" ? ", sizeArgIndex: 5" : ""} }]
  selectors:
  - matchArgs: [{ index: ${index}, operator: ${operator}, values: ["${value}"] }]`;
  await add("forms", probe("forms", spec));
  call("forms", "-5", "a text", "2");
  const { counters } = state("forms");
  assertCountsAddUp(state("forms"));
  assert.equal(counters.hits, 1n);
  await remove("forms");
  return counters.matched === 1n;
}

const values: readonly (readonly [string, number, string, string, string, string])[] = [
  ["half a register, signed", 0, "int64", "Equal", "-5", "-4"],
  ["a register", 1, "string", "Equal", "a text", "a tex"],
  ["memory near the stack", 2, "string", "Prefix", "a t", "text"],
  ["a constant", 3, "int", "Equal", "-7", "7"],
  ["an element of an array", 4, "uint32", "Equal", "30", "20"],
  ["a variable of the program", 5, "uint64", "GT", "999", "1000"],
  ["a quarter of a register", 6, "uint32", "Equal", "65531", "4294967291"],
  ["the upper byte of a quarter", 7, "uint8", "Equal", "18", "52"],
];
for (const [what, index, type, operator, right, wrong] of values)
  test(`a value in ${what}`, async () => {
    assert.equal(await matches(index, type, operator, right), true);
    assert.equal(await matches(index, type, operator, wrong), false);
  });

test("each place of a probe is hooked, whatever its arguments are in", async () => {
  const state = await add(
    "sold",
    probe(
      "sold",
      `
  args: [{ index: 0, type: int }, { index: 1, type: string }]
  selectors:
  - matchArgs:
    - { index: 0, operator: InRange, values: ["3:4"] }
    - { index: 1, operator: Equal, values: [tea] }`,
    ),
  );
  assert.deepEqual(
    state.hooks.map(({ target, attachments }) => [target, attachments.map(({ how }) => how)]),
    [[`${program}:shop:sold`, Array(2).fill(`static probe on ${program}:shop:sold`)]],
  );
  call("sold", "3", "tea");
  call("sold", "3", "milk");
  call("sold", "4", "tea");
  const { counters } = stateOf(sensor.policies, "sold");
  assert.equal(counters.hits, 6n);
  assert.equal(counters.matched, 3n);
  assertCountsAddUp(stateOf(sensor.policies, "sold"));
  await remove("sold");
  await until(() => sensor.kernel.policies.attachedHooks().size === 0, "it stays attached");
  assert.equal(call("sold", "3", "tea").status, 0);
});

const setting = (argIndex: number, rest = "") => `
  args: [${[0, 1, 2, 3].map((i) => `{ index: ${i}, type: int64 }`).join(", ")}]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["5"] }]
    matchActions: [{ action: Set, argIndex: ${argIndex}, argValue: 4294967254 }]${rest}`;
const asked = (number: number) => call("asked", `${number}`).stdout;

test("Set gives an argument another value, in mode monitor it does not", async () => {
  await add("set", probe("asked", setting(0)));
  assert.deepEqual([asked(4), asked(5), asked(6)], ["3004\n", "2958\n", "3006\n"]);
  const { counters } = state("set");
  assert.deepEqual([counters.matched, counters.written, counters.enforceFailed], [1n, 1n, 0n]);
  await remove("set");
  const monitor = "options: [{ name: policy-mode, value: monitor }]\n";
  await add("set", `${monitor}${probe("asked", setting(0))}`);
  assert.equal(asked(5), "3005\n");
  assert.deepEqual([state("set").counters.written, state("set").counters.wouldWrite], [0n, 1n]);
  await remove("set");
  // A write that fails is counted, and the call goes on.
  await add("set", probe("asked", setting(1)));
  assert.equal(asked(5), "3005\n");
  const failed = state("set").counters;
  assert.deepEqual([failed.matched, failed.written, failed.enforceFailed], [1n, 0n, 1n]);
  await remove("set");
});

test("Set is refused where the probe has no memory of 4 bytes", async () => {
  for (const [index, why] of [
    [2, /argument 2 of the probe shop:asked has 8 bytes/],
    [3, /argument 3 of the probe shop:asked is in a register/],
  ] as const) {
    const policy = policyOf(policyText("set", probe("asked", setting(index))));
    const { problems = [] } = await sensor.policies.add(policy, "static");
    assert.match(problems.map(({ message }) => message).join(), why);
  }
});

// Linux 6.13 and newer say nothing of such programs.
const warns = /^6\.([0-9]|1[0-2])\./.test(release());

test("only programs with Set write", { skip: !warns }, async () => {
  const warned = () =>
    spawnSync("dmesg", { encoding: "utf8" }).stdout.match(/bpf_probe_write_user/g)?.length ?? 0;
  const before = warned();
  await add("forms", probe("forms", "  args: [{ index: 0, type: int }]"));
  await remove("forms");
  assert.equal(warned(), before);
  assert.ok(before > 0, "the kernel warned of the program with Set");
});

test("a program counts the tools that use its probe", async () => {
  assert.equal(call("counted", "1").stdout, "0\n");
  await add("counted", probe("counted", "  args: [{ index: 0, type: int }]"));
  assert.equal(call("counted", "1").stdout, "1\n");
  assert.equal(state("counted").counters.matched, 1n);
  await remove("counted");
  await until(() => call("counted", "1").stdout === "0\n", "the counter stays");
});

test("a function has the counter that the policy names", async () => {
  const elf = elfOf(readFileSync(program));
  assert.ok(elf.problem === undefined);
  const found = findProbe(elf, "shop:counted");
  const counter = found.problem === undefined ? found.sites[0]?.counter : undefined;
  assert.ok(counter);
  assert.equal(call("plain", "1").stdout, "1\n");
  await add(
    "function",
    `uprobes:\n- path: ${program}\n  symbols: [sold_here, plain]\n  refCtrOffsets: [0, ${counter}]`,
  );
  assert.equal(call("plain", "1").stdout, "2\n");
  assert.equal(state("function").counters.matched, 1n);
  await remove("function");
});

test("a process is killed where it passes the probe, without the sensor, too", async () => {
  await add(
    "kills",
    probe(
      "creating",
      `
  args: [{ index: 0, type: string }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: [${made}] }]
    matchActions: [{ action: Sigkill }]`,
    ),
  );
  assert.match(state("kills").warnings.join(), /a copy of it is not stopped/);
  const creates = (path: string) => {
    const { signal } = call("creates", path);
    const isMade = existsSync(path);
    assert.equal(signal, isMade ? null : "SIGKILL");
    rmSync(path, { force: true });
    return isMade;
  };
  assert.equal(creates(made), false);
  assert.ok(creates(`${made}-other`));
  await sensor.abandon();
  assert.equal(creates(made), false);
  sensor = await startGuestSensor(options);
  assert.equal(sensor.kernel.found, "same");
  await sensor.policies.started();
  assert.equal(creates(made), false);
  assert.equal(state("kills").counters.matched, 3n);
  await remove("kills");
});

test("memory that can't be read fits no filter, and the other arguments are there", async () => {
  const unmapped = (type: string, operator: string) =>
    probe(
      "unmapped",
      `
  args: [{ index: 0, type: int }, { index: 1, type: ${type} }, { index: 2, type: char_buf, sizeArgIndex: 4 }]
  selectors:
  - matchArgs:
    - { index: 1, operator: ${operator}, values: ["1"] }`,
    );
  for (const [name, type, operator] of [
    ["number", "uint64", "Equal"],
    ["other-number", "uint64", "NotEqual"],
    ["text", "string", "Equal"],
    ["other-text", "string", "NotEqual"],
  ] as const) {
    await add(name, unmapped(type, operator));
    call("unmapped", "9", "abc");
    assert.equal(state(name).counters.hits, 1n, name);
    assert.equal(state(name).counters.matched, 0n, name);
    await remove(name);
  }
  await add(
    "bytes",
    probe(
      "unmapped",
      `
  args: [{ index: 2, type: char_buf, sizeArgIndex: 4 }]
  selectors:
  - matchArgs: [{ index: 2, operator: Equal, values: [abc] }]`,
    ),
  );
  call("unmapped", "9", "abc");
  call("unmapped", "9", "abcd");
  assert.equal(state("bytes").counters.matched, 1n);
  await remove("bytes");
});

const refused: readonly (readonly [string, string, RegExp])[] = [
  ["a missing probe", "name: solt", /in .*probed: there is no probe shop:solt$/],
  [
    "an argument that the probe lacks",
    "name: sold\n  args: [{ index: 2, type: int }]",
    /the probe shop:sold passes 2 arguments, so none with index 2$/,
  ],
  [
    "an argument that cannot be read",
    "name: forms\n  args: [{ index: 8, type: uint64 }]",
    /argument 8 of the probe shop:forms is `8@%xmm0`, which cannot be read: it is a floating-point number/,
  ],
];
for (const [what, rest, message] of refused)
  test(`${what} is said in one sentence`, async () => {
    const text = policyText("refused", `usdts:\n- path: ${program}\n  provider: shop\n  ${rest}`);
    const { problems } = await sensor.policies.add(policyOf(text), "static");
    assert.deepEqual(problems?.length, 1);
    assert.match(problems?.[0]?.message ?? "", message);
    assert.equal(state("refused").state, "load-error");
    await remove("refused");
  });
