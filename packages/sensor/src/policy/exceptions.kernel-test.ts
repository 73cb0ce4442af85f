// SPDX-License-Identifier: Apache-2.0
// Exceptions of a policy: what they spare, what they don't, and when they end. The guarded files show it.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { addPolicy, policyText, startGuestSensor, stateOf } from "../../test/guest-sensor.ts";

const folder = mkdtempSync("/tmp/excepted-");
const at = (name: string) => `${folder}/${name}`;
mkdirSync(at("guarded"));
mkdirSync(at("elsewhere"));
const [guarded, open] = [at("guarded/secret"), at("guarded/open")];
const [backup, other] = [at("backup"), at("other")];
for (const file of [guarded, open]) writeFileSync(file, "");
for (const program of [backup, other]) copyFileSync("/usr/bin/tee", program);

const names = { name: "gander-excepted" };
let sensor = await startGuestSensor(names);
after(async () => {
  await sensor[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Denies every write below `guarded`, at the file and before that at its opening. */
const policy = policyText(
  "guard",
  `
kprobes:
- call: security_file_permission
  syscall: false
  args: [{ index: 0, type: file }, { index: 1, type: int }]
  selectors:
  - matchArgs:
    - { index: 0, operator: Prefix, values: [${at("guarded/")}] }
    - { index: 1, operator: Mask, values: ["2"] }
    matchActions: [{ action: Override, argError: -1 }]`,
);

const exception = (spec: string, name = "spared") => `---
apiVersion: gander.dev/v1alpha1
kind: PolicyException
metadata: { name: ${name} }
spec:
  reason: a test
  policies: [guard]
  ${spec}
`;
const ofBinary = (path: string, more = "") =>
  `binaries: [{ operator: In, values: ["${path}"] }]\n  ${more}`;
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

const apply = (...exceptions: readonly string[]) =>
  addPolicy(sensor.policies, `${policy}${exceptions.join("")}`);
const state = () => stateOf(sensor.policies, "guard");

/** Whether the attempt wrote anything, as the file shows. */
function writes(program: string, args: readonly string[], file = guarded): boolean {
  const before = readFileSync(file).length;
  spawnSync(program, args, { input: "x", stdio: ["pipe", "ignore", "ignore"] });
  return readFileSync(file).length > before;
}
const tries = (program: string, file = guarded) => writes(program, ["-a", file], file);
const script = (text: string, file = guarded) => writes("bash", ["-c", text], file);

async function until(holds: () => boolean, what: string, ms = 15_000): Promise<void> {
  for (let waited = 0; !holds(); waited += 50) {
    assert.ok(waited < ms, what);
    await sleep(50);
  }
}

test("one program passes, and its calls are counted", async () => {
  await apply();
  assert.deepEqual([tries(backup), tries(other)], [false, false]);
  await apply(exception(ofBinary(backup)));
  // The program that tests binaries is attached beside the one without: for a moment, both decide.
  await until(() => tries(backup), "it is not excepted");
  assert.deepEqual([tries(backup), tries(other), tries("/usr/bin/tee")], [true, false, false]);
  const [finding = ""] = state().findings;
  assert.match(finding, /^The exception "spared" excepted [1-9]\d* calls$/);
  assert.ok(state().counters.enforced > 0n);
});

test("no other program passes for it", async () => {
  await apply(exception(ofBinary(backup)));
  // By its name, by a link to another, as another's first argument, in its place in a mount namespace.
  symlinkSync(other, at("elsewhere/backup"));
  assert.equal(tries(at("elsewhere/backup")), false);
  assert.equal(script(`exec -a ${backup} ${other} -a ${guarded} <<< x`), false);
  copyFileSync(other, at("elsewhere/copy"));
  assert.equal(script(`cd ${at("elsewhere")}; printf x | ./copy -a ${guarded}`), false);
  const bound = `mount --bind ${other} ${backup} && exec ${backup} -a ${guarded} <<< x`;
  assert.equal(writes("unshare", ["-Urm", "bash", "-c", bound]), false);
  const copied = `mount -t tmpfs none ${at("elsewhere")} && mkdir -p ${folder}/elsewhere/x; cp ${other} ${at("elsewhere/backup")}; exec ${at("elsewhere/backup")} -a ${guarded} <<< x`;
  assert.equal(writes("unshare", ["-Urm", "bash", "-c", copied]), false);
  // A child of it is not it.
  assert.equal(script(`printf x | ${backup} >(${other} -a ${guarded}) >/dev/null; sleep 1`), false);
  assert.ok(tries(backup));
});

test("one file passes, by its own path and not by a link to another", async () => {
  await apply(exception(`paths: [{ operator: In, values: ["${open}"] }]`));
  assert.deepEqual([tries(other, open), tries(other, guarded)], [true, false]);
  symlinkSync(guarded, at("elsewhere/open"));
  assert.equal(writes(other, ["-a", at("elsewhere/open")]), false);
  await apply(
    exception(
      `paths: [{ operator: In, values: ["${at("elsewhere/open")}"] }, { operator: Postfix, values: ["/none"] }]`,
    ),
  );
  assert.equal(writes(other, ["-a", at("elsewhere/open")]), false);
});

test("program and file must both fit", async () => {
  const paths = `paths: [{ operator: In, values: ["${open}", "/none"] }]`;
  await apply(exception(ofBinary(backup, paths)));
  assert.deepEqual([tries(backup, open), tries(backup), tries(other, open)], [true, false, false]);
});

test("`identity: file` is the file of the node, which no bind mount replaces", async () => {
  const file = `binaries: [{ operator: In, values: ["${backup}"], identity: file }]`;
  await apply(exception(file));
  await until(() => tries(backup), "the file is not looked up");
  const bound = `mount --bind ${other} ${backup} && exec ${backup} -a ${guarded} <<< x`;
  assert.equal(writes("unshare", ["-m", "bash", "-c", bound]), false);
  assert.equal(tries(other), false);
});

test("an exception ends on the node at its time, and others stay", async () => {
  await apply(
    exception(ofBinary(backup, `expires: "${inMs(4_000)}"`)),
    exception(ofBinary(other), "lasting"),
  );
  assert.deepEqual([tries(backup), tries(other)], [true, true]);
  await until(() => !tries(backup), "it has not ended", 8_000);
  assert.equal(tries(other), true);
  await sleep(500);
  assert.equal(tries(backup), false);
  assert.match(state().findings.join(), /"spared" excepted \d+ calls, expired at /);
});

test("one that ends while no sensor runs ends when the next one starts", async () => {
  const expires = inMs(3_000);
  await apply(exception(ofBinary(backup, `expires: "${expires}"`)));
  assert.ok(tries(backup));
  await sensor.abandon();
  await sleep(Math.max(0, Date.parse(expires) - Date.now()) + 200);
  sensor = await startGuestSensor(names);
  await sensor.policies.started();
  await until(() => !tries(backup), "it has not ended", 5_000);
  assert.equal(tries(other), false);
});

/** A program that writes all the time, and reports each outcome as a character. */
function hammer(program: string, file: string): ChildProcess & { seen: string } {
  const loop = `while :; do if printf x | ${program} -a ${file} >/dev/null 2>&1; then printf +; else printf -; fi; done`;
  const child = spawn("bash", ["-c", loop], { stdio: ["ignore", "pipe", "ignore"] });
  const hammering = Object.assign(child, { seen: "" });
  child.stdout?.on("data", (bytes: Buffer) => {
    hammering.seen += bytes;
  });
  return hammering;
}

test("while it is replaced, who has it never loses it, and nobody else gets it", async () => {
  await apply(exception(ofBinary(backup)));
  const [spared, denied] = [hammer(backup, open), hammer(other, guarded)];
  const before = readFileSync(guarded).length;
  for (let i = 0; i < 15; i++) {
    const more = i % 2 === 0 ? [exception(ofBinary(`/none/${i}`), `more-${i}`)] : [];
    await apply(exception(ofBinary(backup, `expires: "${inMs(600_000 + i)}"`)), ...more);
  }
  await until(
    () => spared.seen.length > 20 && denied.seen.length > 20,
    "nothing was tried",
    60_000,
  );
  for (const child of [spared, denied]) child.kill("SIGKILL");
  assert.doesNotMatch(spared.seen, /-/);
  assert.doesNotMatch(denied.seen, /\+/);
  assert.equal(readFileSync(guarded).length, before);
  await apply();
  assert.equal(tries(backup), false);
});
