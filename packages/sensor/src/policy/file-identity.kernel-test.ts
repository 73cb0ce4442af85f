// SPDX-License-Identifier: Apache-2.0
// `identity: file`: a program is the file itself. The guarded file shows the result of each attempt.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { addPolicy, policyText, startGuestSensor, stateOf } from "../../test/guest-sensor.ts";

const folder = mkdtempSync("/tmp/identity-");
const at = (name: string) => `${folder}/${name}`;
const [guarded, trusted, copy] = [at("guarded"), at("trusted"), at("copy")];
const tee = "/usr/bin/tee";
writeFileSync(guarded, "");
copyFileSync(tee, trusted);
copyFileSync(tee, copy);

const size = () => readFileSync(guarded).length;
const names = { name: "gander-identity" };

/** Whether the attempt wrote anything, as the file shows. */
function writes(program: string, ...args: readonly string[]): boolean {
  const before = size();
  spawnSync(program, args, { input: "x", stdio: ["pipe", "ignore", "inherit"] });
  return size() > before;
}
const tries = (program: string) => writes(program, "-a", guarded);
const inNamespaces = (flags: string, script: string) =>
  writes("unshare", flags, "bash", "-c", script);

// They started before the sensor, so it did not see which files they were started from.
const early = [[trusted], [copy], ["unshare", "-U", trusted]].map(([program = "", ...args]) =>
  spawn(program, [...args, "-a", guarded], { stdio: ["pipe", "ignore", "inherit"] }),
);
await sleep(1_000);

let sensor = await startGuestSensor(names);
after(async () => {
  await sensor[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const policy = (path = trusted, selector = "operator: NotIn") =>
  policyText(
    "files",
    `
kprobes:
- call: security_file_permission
  syscall: false
  args: [{ index: 0, type: file }, { index: 1, type: int }]
  selectors:
  - matchArgs:
    - { index: 0, operator: Equal, values: [${guarded}] }
    - { index: 1, operator: Mask, values: ["2"] }
    matchBinaries: [{ ${selector}, values: [${path}], identity: file }]
    matchActions: [{ action: Sigkill }]`,
  );
const state = () => stateOf(sensor.policies, "files");
const add = (...args: Parameters<typeof policy>) => addPolicy(sensor.policies, policy(...args));

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !holds(); waited += 250) {
    assert.ok(waited < 30_000, what);
    await sleep(250);
  }
}

test("the file itself, and by a link of any kind, holds", async () => {
  await add();
  assert.deepEqual(state().warnings, []);
  assert.match(
    state().findings.join(),
    new RegExp(`^${trusted} is inode \\d+ on device .* looked up at `),
  );
  assert.ok(tries(trusted));
  linkSync(trusted, at("hard-link"));
  assert.ok(tries(at("hard-link")));
  symlinkSync(trusted, at("link"));
  assert.ok(tries(at("link")));
});

test("… also bound to somewhere else, in namespaces of one's own", () => {
  mkdirSync(at("elsewhere"));
  writeFileSync(at("elsewhere/tool"), "");
  const script = `mount --bind ${trusted} ${at("elsewhere/tool")} && exec ${at("elsewhere/tool")} -a ${guarded}`;
  assert.ok(inNamespaces("-m", script));
  assert.ok(inNamespaces("-Urm", script));
});

test("no other file does: not a copy, not one that is bound to its path", () => {
  assert.equal(tries(copy), false);
  assert.equal(tries(tee), false);
  const script = `mount --bind ${copy} ${trusted} && exec ${trusted} -a ${guarded}`;
  assert.equal(inNamespaces("-m", script), false);
  assert.equal(inNamespaces("-Urm", script), false);
  const root = `mount -t tmpfs none ${folder} && touch ${guarded}; cp ${tee} ${trusted}; exec ${trusted} -a /proc/$PPID/root${guarded}`;
  assert.equal(inNamespaces("-m", root), false);
});

test("what ran before the sensor is known by what it runs, but in a user namespace it isn't believed", async () => {
  const attempt = async (child: ChildProcess | undefined) => {
    assert.ok(child?.stdin);
    const before = size();
    const ended = once(child, "exit");
    child.stdin.end("x");
    await ended;
    return size() > before;
  };
  assert.ok(await attempt(early[0]));
  assert.equal(await attempt(early[1]), false);
  assert.equal(await attempt(early[2]), false);
});

test("what replaces it does not, until it was looked up again; what it was no longer does then", async () => {
  const seen = () => /inode \d+/.exec(state().findings.join())?.[0];
  linkSync(trusted, at("old"));
  const old = seen();
  renameSync(copy, trusted);
  const early = tries(trusted);
  // The result counts only if the file was not looked up meanwhile.
  if (seen() === old) assert.equal(early, false);
  await until(() => seen() !== old, "it isn't looked up again");
  await until(() => tries(trusted), "the new file is not the one that is meant");
  assert.equal(tries(at("old")), false);
});

test("a sensor that comes later looks for itself", async () => {
  await sensor.abandon();
  assert.ok(tries(trusted));
  copyFileSync(tee, copy);
  renameSync(copy, trusted);
  assert.equal(tries(trusted), false);
  sensor = await startGuestSensor(names);
  await sensor.policies.started();
  await until(() => tries(trusted), "the file that is there is not the one that is meant");
  assert.equal(tries(tee), false);
});

test("where there is no such file nothing matches, and the state says so", async () => {
  rmSync(trusted);
  await until(() => state().warnings.length > 0, "nobody has noticed");
  assert.match(state().warnings.join(), /^No program matches .*trusted: there is no such file/);
  assert.equal(tries(tee), false);
  mkdirSync(trusted);
  await until(() => /not a regular file/.test(state().warnings.join()), "a folder is a program");
  rmSync(trusted, { recursive: true });
  spawnSync("mkfifo", [trusted]);
  await add(trusted, "operator: In");
  assert.match(state().warnings.join(), /not a regular file/);
  assert.ok(tries(tee), "In: nobody is meant");
  await add("/proc/self/exe", "operator: In");
  assert.match(state().warnings.join(), /ELOOP/);
  assert.ok(tries(tee));
});

test("a user's link leads to his own files only", async () => {
  rmSync(trusted);
  copyFileSync(tee, trusted);
  const mine = at("of-a-user");
  mkdirSync(mine);
  copyFileSync(tee, `${mine}/own`);
  symlinkSync(`${mine}/own`, `${mine}/to-own`);
  symlinkSync(trusted, `${mine}/to-other`);
  for (const name of ["", "/own", "/to-own", "/to-other"]) lchownSync(`${mine}${name}`, 1234, 1234);
  await add(`${mine}/to-own`);
  assert.equal(tries(`${mine}/own`), true);
  await add(`${mine}/to-other`);
  assert.equal(tries(trusted), false);
  assert.match(state().warnings.join(), /to-other belongs to user 1234 and leads to/);
});
