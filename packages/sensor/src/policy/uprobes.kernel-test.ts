// SPDX-License-Identifier: Apache-2.0
// Policies on functions of a program, whose file may be missing, replaced or removed. What the policy does
// to the program shows whether it is in force: it is killed before it can create a file.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chownSync,
  copyFileSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { resolve } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  addPolicy,
  assertCountsAddUp,
  policyOf,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";

const built = (name: string) => resolve(import.meta.dirname, `../../../../bpf/build/test/${name}`);
const folder = mkdtempSync("/tmp/uprobes-");
const program = `${folder}/called`;
const made = `${folder}/made`;
const put = (name: string) => {
  copyFileSync(built(name), `${folder}/new`);
  renameSync(`${folder}/new`, program);
};
put("called");

const options = { name: "gander-uprobes", detachUnusedAfterMs: 1_000 };
let sensor = await startGuestSensor(options);
after(async () => {
  await sensor[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const call = (...args: readonly string[]) =>
  spawnSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

/** Whether `creates` ran, as its file shows. */
function creates(path = made): boolean {
  rmSync(path, { force: true });
  const { signal } = call("creates", path);
  const isMade = existsSync(path);
  assert.equal(signal, isMade ? null : "SIGKILL");
  return isMade;
}

const state = (name = "calls") => stateOf(sensor.policies, name);
const hits = (name?: string) => state(name).counters.hits;
const add = (spec: string, name = "calls") => addPolicy(sensor.policies, policyText(name, spec));
const remove = (name = "calls") =>
  sensor.policies.remove({ name, namespace: "", origin: "static" });

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !holds(); waited += 250) {
    assert.ok(waited < 60_000, what);
    await sleep(250);
  }
}

const kill = `
uprobes:
- path: ${program}
  symbols: [creates]
  args: [{ index: 0, type: string }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: [${made}] }]
    matchActions: [{ action: Sigkill }]`;

test("a function is observed while the policy is there, and only then", async () => {
  await add(`
uprobes:
- path: ${program}
  symbols: [adds, creates]`);
  assert.equal(call("adds", "1", "2", "abc", "A").stdout, "71\n");
  assert.equal(hits(), 1n);
  assert.ok(creates());
  assert.equal(hits(), 2n);
  assert.deepEqual(
    state().hooks.map(({ target, attachments }) => [target, attachments.map(({ how }) => how)]),
    ["adds", "creates"].map((name) => [`${program}:${name}`, [`uprobe on ${program}:${name}`]]),
  );
  assertCountsAddUp(state());
  await remove();
  await until(() => sensor.kernel.policies.attachedHooks().size === 0, "it stays attached");
  assert.equal(call("adds", "1", "2", "abc", "A").stdout, "71\n");
});

test("a process is killed before the function runs, if its argument is the one", async () => {
  await add(kill);
  assert.equal(creates(), false);
  assert.equal(existsSync(made), false);
  assert.ok(creates(`${made}-other`));
  assert.equal(state().counters.matched, 1n);
  assert.equal(state().counters.filtered, 1n);
  assert.match(state().warnings.join(), /a copy of it is not stopped/);
  copyFileSync(program, `${folder}/copy`);
  assert.equal(spawnSync(`${folder}/copy`, ["creates", made]).status, 0);
});

test("arguments of numbers select calls; offsets and addresses name the same place", async () => {
  const selectors = `
  args: [{ index: 0, type: int }, { index: 1, type: uint64 }]
  selectors:
  - matchArgs:
    - { index: 0, operator: GT, values: ["-8"] }
    - { index: 1, operator: Equal, values: ["0x100000000"] }`;
  await add(`uprobes:\n- path: ${program}\n  symbols: [adds]${selectors}`, "symbol");
  const nm = spawnSync("nm", [program], { encoding: "utf8" }).stdout ?? "";
  const address = /^0*([0-9a-f]+) T adds$/m.exec(nm)?.[1];
  // The guest may lack nm: then the place is what the sensor found.
  if (address !== undefined)
    await add(`uprobes:\n- path: ${program}\n  addrs: [0x${address}]${selectors}`, "symbol-2");
  call("adds", "-7", "0x100000000", "", "");
  call("adds", "-8", "0x100000000", "", "");
  call("adds", "-7", "0x100000001", "", "");
  for (const name of ["symbol", ...(address === undefined ? [] : ["symbol-2"])]) {
    assert.equal(hits(name), 3n);
    assert.equal(state(name).counters.matched, 1n);
    assertCountsAddUp(state(name));
    await remove(name);
  }
});

test("what a function returns selects calls, with the arguments that it had", async () => {
  await add(
    `
uprobes:
- path: ${program}
  symbols: [factorial]
  return: true
  returnArg: { index: 0, type: long }
  args: [{ index: 0, type: uint32 }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["4"] }]
    matchReturnArgs: [{ index: 0, operator: Equal, values: ["24"] }]
- path: ${program}
  symbols: [leaps]
  return: true
  returnArg: { index: 0, type: int }
  args: [{ index: 0, type: int }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["0"] }]
    matchReturnArgs: [{ index: 0, operator: Equal, values: ["0"] }]`,
    "returns",
  );
  assert.equal(call("factorial", "6").stdout, "720\n");
  const counters = () => state("returns").hooks.map(({ attachments }) => attachments[0]?.counters);
  const [recursive] = counters();
  assert.equal(recursive?.hits, 6n);
  // Of six calls in progress, the one with 4 had its own argument and result.
  assert.equal(recursive?.matched, 1n);
  assert.equal(recursive?.unevaluated, 0n);
  assert.equal(call("leaps", "3").stdout, "0\n");
  const [, leapt] = counters();
  assert.equal(leapt?.matched, 1n);
  assert.equal(leapt?.unevaluated, 0n);
  assertCountsAddUp(state("returns"));
  await remove("returns");
});

test("a program that is replaced is hooked again, wherever its function lies then", async () => {
  const before = state().hooks[0]?.attachments;
  assert.equal(creates(), false);
  put("called-later");
  await until(() => !creates(), "the new program is not hooked");
  assert.notDeepEqual(state().hooks[0]?.attachments, before);
  assert.deepEqual(state().error, "");
  assertCountsAddUp(state());
});

test("the counts continue when the file is touched, or another one is put there", async () => {
  const changes: readonly (readonly [string, () => void])[] = [
    ["touched", () => utimesSync(program, new Date(), new Date())],
    ["replaced", () => put("called")],
    ["replaced again", () => put("called-later")],
  ];
  for (const [what, change] of changes) {
    assert.equal(creates(), false);
    const { hits, matched, enforced } = state().counters;
    assert.ok(hits > 0n && matched > 0n && enforced > 0n);
    const hooks = sensor.kernel.policies.attachedHooks();
    change();
    const isHooked = () => sensor.kernel.policies.attachedHooks().difference(hooks).size > 0;
    await until(isHooked, `what was ${what} is not hooked`);
    // Calls of the new file count where those of the old one did.
    await until(() => !creates(), `what was ${what} is not in force`);
    const now = state().counters;
    assert.equal(now.matched, matched + 1n, what);
    assert.equal(now.enforced, enforced + 1n, what);
    assert.ok(now.hits > hits, what);
    assertCountsAddUp(state());
    // The old program is detached by then.
    await until(() => sensor.kernel.policies.attachedHooks().size === 1, "the old hook stays");
    assert.equal(state().counters.matched, matched + 1n, what);
  }
});

test("one that can't be hooked leaves the old one hooked, and the state says so", async () => {
  renameSync(program, `${folder}/old`);
  await until(() => /no such file/.test(state().warnings.join()), "the state does not say so");
  assert.match(
    state().warnings.join(),
    /^.*spec\.uprobes\[0\]: the file that was there before is still hooked, but .*called: there is no such file/,
  );
  rmSync(made, { force: true });
  assert.equal(spawnSync(`${folder}/old`, ["creates", made]).signal, "SIGKILL");
  copyFileSync("/bin/true", program);
  await until(() => /no function creates/.test(state().warnings.join()), "it is searched");
  renameSync(`${folder}/old`, program);
  await until(() => !/still hooked/.test(state().warnings.join()), "it is found again");
  assert.equal(creates(), false);
});

test("enforcement outlives the sensor; the next one continues, with what the file is then", async () => {
  await sensor.abandon();
  assert.equal(creates(), false);
  sensor = await startGuestSensor(options);
  assert.equal(sensor.kernel.found, "same");
  await sensor.policies.started();
  assert.equal(creates(), false);
  const { matched } = state().counters;
  assert.ok(matched > 0n, "it has forgotten its counts");
  await sensor.abandon();
  put("called");
  sensor = await startGuestSensor(options);
  await sensor.policies.started();
  await until(() => !creates(), "the new program is not hooked");
});

test("hooks with the arguments of a call that returns outlive the sensor, too", async () => {
  const spec = `
uprobes:
- path: ${program}
  symbols: [factorial]
  return: true
  returnArg: { index: 0, type: long }
  args: [{ index: 0, type: uint32 }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["1"] }]
    matchReturnArgs: [{ index: 0, operator: Equal, values: ["1"] }]`;
  await add(spec, "returns");
  await sensor.abandon();
  sensor = await startGuestSensor(options);
  await sensor.policies.started();
  call("factorial", "3");
  assert.equal(state("returns").counters.matched, 1n);
  await remove("returns");
  await until(() => sensor.kernel.policies.attachedHooks().size === 1, "it stays attached");
});

test("a file is hooked only with one of the digests, as sha256sum gives them", async () => {
  const digest = createHash("sha256").update(readFileSync(program)).digest("hex");
  const spec = (digests: string, more = "") =>
    `uprobes:\n- path: ${program}\n  symbols: [adds]\n  binaryDigests: [${digests}]${more}`;
  await add(spec(`"sha256:${"0".repeat(64)}", "sha256:${digest}"`), "digests");
  assert.equal(state("digests").hooks[0]?.state, "loaded");
  const other = policyOf(policyText("other", spec(`"sha256:${"0".repeat(64)}"`)));
  const { problems } = await sensor.policies.add(other, "static");
  assert.match(problems?.[0]?.message ?? "", new RegExp(`digests: it has sha256:${digest}`));
  await add(
    spec(`"sha256:${"0".repeat(64)}"`, "\n  ignore: { digestVerificationFailure: true }"),
    "other",
  );
  assert.equal(state("other").state, "partially-enabled");
  assert.match(state("other").hooks[0]?.error ?? "", /none of the policy's digests/);
  for (const name of ["digests", "other"]) await remove(name);
});

test("a link of a user hooks his own files only, and the state names the file that is hooked", async () => {
  const user = 1000;
  const [lib, path] = [`${folder}/lib`, `${folder}/lib/called`];
  mkdirSync(lib);
  const own = (name: string, from: string) => {
    copyFileSync(built(from), `${lib}/${name}`);
    chownSync(`${lib}/${name}`, user, user);
  };
  const link = (target: string) => {
    symlinkSync(target, `${lib}/link`);
    lchownSync(`${lib}/link`, user, user);
    renameSync(`${lib}/link`, path);
  };
  own("called", "called");
  chownSync(lib, user, user);
  const other = `${made}-by-root`;
  await add(
    kill.replaceAll(program, path).replaceAll(`values: [${made}]`, `values: [${other}]`),
    "owned",
  );
  const remarks = () => state("owned").warnings.join("\n");
  const isKilled = (file: string) => {
    rmSync(other, { force: true });
    return spawnSync(file, ["creates", other]).signal === "SIGKILL";
  };
  assert.ok(isKilled(path));
  assert.match(remarks(), new RegExp(`only what runs from the file ${path} is hooked`));
  link(program);
  await until(() => /belongs to user 1000/.test(remarks()), "the state does not say so");
  assert.match(
    remarks(),
    new RegExp(
      `the file that was there before is still hooked, but ${path}: the link ${path} belongs to user 1000 and leads to ${program}, a file of root`,
    ),
  );
  await sleep(5_000);
  assert.equal(isKilled(program), false);
  assert.ok(existsSync(other));
  own("own", "called-later");
  link("own");
  await until(() => isKilled(`${lib}/own`), "his own file is not hooked");
  assert.doesNotMatch(remarks(), /belongs to user/);
  // That of the earlier file is gone.
  assert.equal(remarks().match(/only what runs from/g)?.length, 1);
  assert.match(
    remarks(),
    new RegExp(`only what runs from the file ${lib}/own, to which ${path} leads, is`),
  );
  await remove("owned");
  // Nor is it hooked where the policy is added while the link is there.
  link(program);
  const { problems } = await sensor.policies.add(
    policyOf(policyText("owned", kill.replaceAll(program, path))),
    "static",
  );
  assert.match(problems?.[0]?.message ?? "", /belongs to user 1000 and leads to/);
  await remove("owned");
});

const refused: readonly (readonly [string, string, RegExp])[] = [
  [
    "a missing file",
    "path: /no/such/program\n  symbols: [main]",
    /^Cannot load policy "refused": \/no\/such\/program: there is no such file$/,
  ],
  ["a folder", `path: ${folder}\n  symbols: [main]`, /: it is not a regular file$/],
  [
    "no program",
    "path: /etc/passwd\n  symbols: [main]",
    /\/etc\/passwd is not a program: it is no ELF file$/,
  ],
  [
    "a missing function",
    `path: ${program}\n  symbols: [createz]`,
    /in .*called: there is no function createz$/,
  ],
  [
    "a place behind it",
    `path: ${program}\n  symbols: [creates+0x4000]`,
    /creates is only \d+ bytes long$/,
  ],
  ["no code", `path: ${program}\n  offsets: [1]`, /nothing is executed at offset 0x1$/],
];

for (const [what, hook, message] of refused)
  test(`${what} is said in one sentence, in the policy's state, too`, async () => {
    const policy = policyOf(policyText("refused", `uprobes:\n- ${hook}`));
    const { problems } = await sensor.policies.add(policy, "static");
    assert.equal(problems?.length, 1);
    assert.match(problems?.[0]?.message ?? "", message);
    assert.equal(state("refused").state, "load-error");
    assert.ok(state("refused").error.startsWith(problems?.[0]?.message ?? "?"));
    await remove("refused");
  });
