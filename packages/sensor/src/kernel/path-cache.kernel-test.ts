// SPDX-License-Identifier: Apache-2.0
// Results that hooks cache for open files are never older than the last rename, mount, close or policy.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { after, before, test } from "node:test";
import { BpfMap } from "@gander/libbpf";
import { addPolicy, policyText, startGuestSensor, stateOf } from "../../test/guest-sensor.ts";

const name = "gander-path-cache";
const root = "/tmp/path-cache";
const guarded = `${root}/guarded`;
const free = `${root}/free`;
const sensor = await startGuestSensor({ name });
after(() => sensor[Symbol.asyncDispose]());

/** Reading (and nothing else) is denied below these folders. */
const guard = (policy: string, ...folders: string[]) =>
  policyText(
    policy,
    `
kprobes:
- call: security_file_permission
  syscall: false
  args: [{ index: 0, type: file }, { index: 1, type: int }]
  selectors:
  - matchArgs:
    - { index: 0, operator: Prefix, values: [${folders.map((folder) => `"${folder}/"`).join()}] }
    - { index: 1, operator: Equal, values: ["4"] }
    matchActions: [{ action: Override, argError: -1 }]`,
  );

const byte = Buffer.alloc(1);
function canRead(file: number): boolean {
  try {
    readSync(file, byte, 0, 1, 0);
    return true;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EPERM");
    return false;
  }
}

/** Reads several times: the second result may be cached. */
function assertReads(file: number, expected: boolean, when = ""): void {
  for (let i = 0; i < 3; i++) assert.equal(canRead(file), expected, `${when}, read ${i}`);
}

function run(...command: readonly string[]): void {
  const { status, stderr } = spawnSync(command[0] ?? "", command.slice(1), { encoding: "utf8" });
  assert.equal(status, 0, `${command.join(" ")}: ${stderr}`);
}

function rememberedFiles(): number {
  const [build = ""] = readdirSync(`/sys/fs/bpf/${name}`);
  using map = BpfMap.fromPin(`/sys/fs/bpf/${name}/${build}/maps/path_cache`);
  return [...map.entries()].filter(([, value]) => Buffer.from(value).readBigUInt64LE(0) !== 0n)
    .length;
}

before(async () => {
  rmSync(root, { recursive: true, force: true });
  for (const folder of [guarded, free]) mkdirSync(folder, { recursive: true });
  await addPolicy(sensor.policies, guard("guard", guarded));
});

test("is in use", () => {
  writeFileSync(`${free}/file`, "x");
  const files = Array.from({ length: 100 }, () => openSync(`${free}/file`, "r"));
  const before = rememberedFiles();
  for (const file of files) assertReads(file, true);
  assert.ok(rememberedFiles() > before + 50, `${before} and ${rememberedFiles()} files`);
  files.forEach(closeSync);
});

test("a rename of the file, or of a folder above it", () => {
  mkdirSync(`${free}/a/b`, { recursive: true });
  writeFileSync(`${free}/a/b/file`, "x");
  const file = openSync(`${free}/a/b/file`, "r");
  for (const [from, to] of [
    [`${free}/a/b/file`, `${guarded}/file`],
    [`${free}/a/b`, `${guarded}/b`],
    [`${free}/a`, `${guarded}/a`],
  ] as const) {
    assertReads(file, true, from);
    renameSync(from, to);
    assertReads(file, false, to);
    renameSync(to, from);
  }
  assertReads(file, true);
  linkSync(`${free}/a/b/file`, `${guarded}/linked`);
  assertReads(file, true, "another name");
  unlinkSync(`${free}/a/b/file`);
  assertReads(file, true, "its own name is gone");
  closeSync(file);
});

test("two files that change places", () => {
  writeFileSync(`${free}/one`, "x");
  writeFileSync(`${guarded}/other`, "x");
  const [one, other] = [openSync(`${free}/one`, "r"), openSync(`${guarded}/other`, "r")];
  for (let i = 0; i < 20; i++) {
    assertReads(one, i % 2 === 0);
    assertReads(other, i % 2 === 1);
    renameSync(`${free}/one`, `${free}/kept`);
    renameSync(`${guarded}/other`, `${free}/one`);
    renameSync(`${free}/kept`, `${guarded}/other`);
  }
  [one, other].forEach(closeSync);
});

test("a mount that is moved, or goes away", () => {
  const [here, there] = [`${free}/mount`, `${guarded}/mount`];
  for (const folder of [here, there]) mkdirSync(folder, { recursive: true });
  run("mount", "--make-private", "/");
  run("mount", "-t", "tmpfs", "none", here);
  writeFileSync(`${here}/file`, "x");
  const file = openSync(`${here}/file`, "r");
  assertReads(file, true, "mounted");
  run("mount", "--move", here, there);
  assertReads(file, false, "moved to guarded");
  run("mount", "--move", there, here);
  assertReads(file, true, "moved back");
  run("umount", "-l", here);
  assertReads(file, true, "detached");
  closeSync(file);
});

test("an overlay", () => {
  const parts = ["lower", "upper", "work", "merged"].map((part) => `${root}/tmpfs/${part}`);
  mkdirSync(`${root}/tmpfs`, { recursive: true });
  run("mount", "-t", "tmpfs", "none", `${root}/tmpfs`);
  for (const part of parts) mkdirSync(part, { recursive: true });
  const [lower, upper, work, merged] = parts;
  mkdirSync(`${lower}/free`);
  writeFileSync(`${lower}/free/file`, "x");
  run(
    "mount",
    "-t",
    "overlay",
    "-o",
    `lowerdir=${lower},upperdir=${upper},workdir=${work}`,
    "none",
    `${merged}`,
  );
  mkdirSync(`${merged}/guarded`);
  return addPolicy(sensor.policies, guard("overlay", `${merged}/guarded`)).then(() => {
    const file = openSync(`${merged}/free/file`, "r");
    assertReads(file, true, "in the overlay");
    renameSync(`${merged}/free/file`, `${merged}/guarded/file`);
    assertReads(file, false, "renamed in the overlay");
    closeSync(file);
    run("umount", `${merged}`);
    run("umount", `${root}/tmpfs`);
  });
});

test("a policy that comes, changes and goes", async () => {
  mkdirSync(`${root}/later`);
  writeFileSync(`${root}/later/file`, "x");
  const file = openSync(`${root}/later/file`, "r");
  // Every second change uses the same side of the tables.
  for (let i = 0; i < 4; i++) {
    assertReads(file, true, `before, ${i}`);
    await addPolicy(sensor.policies, guard("later", `${root}/later`));
    assertReads(file, false, `with it, ${i}`);
    await addPolicy(sensor.policies, guard("later", `${root}/elsewhere`));
    assertReads(file, true, `with other values, ${i}`);
    await addPolicy(sensor.policies, guard("later", `${root}/later`));
    assertReads(file, false, `as it was, ${i}`);
    await sensor.policies.remove({ name: "later", namespace: "", origin: "static" });
  }
  closeSync(file);
});

/** A process that runs in parallel until it is stopped. */
function beside(script: string): ChildProcess {
  return spawn(process.execPath, ["-e", script], { stdio: "inherit" });
}

async function stop(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.map((child) => once(child, "exit")));
}

test("another file at the same address, and renames by others, without end", async () => {
  for (const folder of [free, guarded]) writeFileSync(`${folder}/again`, "x");
  for (const folder of ["p", "q"]) mkdirSync(`${root}/${folder}`);
  const open = `const fs = require("node:fs");
    for (;;) { const f = fs.openSync("${free}/again"); fs.readSync(f, Buffer.alloc(1), 0, 1, 0); fs.closeSync(f); }`;
  const rename = `const fs = require("node:fs");
    for (;;) { fs.renameSync("${root}/p", "${root}/r"); fs.renameSync("${root}/r", "${root}/p"); }`;
  const children = [beside(open), beside(rename)];
  writeFileSync(`${free}/moving`, "x");
  const moving = openSync(`${free}/moving`, "r");
  assertReads(moving, true);
  try {
    for (let i = 0; i < 3000; i++) {
      const one = openSync(`${free}/again`, "r");
      assert.equal(canRead(one), true, `a free file, ${i}`);
      closeSync(one);
      const other = openSync(`${guarded}/again`, "r");
      assert.equal(canRead(other), false, `a guarded file, ${i}`);
      closeSync(other);
      if (i % 10 !== 0) continue;
      renameSync(`${free}/moving`, `${guarded}/moving`);
      assert.equal(canRead(moving), false, `moved to guarded, ${i}`);
      renameSync(`${guarded}/moving`, `${free}/moving`);
      assert.equal(canRead(moving), true, `moved back, ${i}`);
    }
  } finally {
    await stop(children);
  }
  closeSync(moving);
});

test("goes on under the next sensor, and leaves nothing after a clean stop", async () => {
  const files = () => readdirSync(`/sys/fs/bpf/${name}-next`);
  const first = await startGuestSensor({ name: `${name}-next` });
  await addPolicy(first.policies, guard("next", guarded));
  await first.abandon();
  const second = await startGuestSensor({ name: `${name}-next` });
  assert.equal(second.kernel.found, "same");
  assert.equal(stateOf(second.policies, "next").state, "enabled");
  const file = openSync(`${free}/again`, "r");
  assertReads(file, true, "adopted");
  await addPolicy(second.policies, guard("next", free));
  assertReads(file, false, "with other values");
  closeSync(file);
  assert.ok(
    readdirSync(`/sys/fs/bpf/${name}-next/${files()[0]}/links`).includes("hook__file_free"),
  );
  await second[Symbol.asyncDispose]();
  assert.deepEqual(files(), []);
});
