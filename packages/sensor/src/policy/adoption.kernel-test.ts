// SPDX-License-Identifier: Apache-2.0
// Enforcement, counters and events when a sensor dies and another one starts.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Attacker, moreAttacks, startAttacker } from "../../test/attacker.ts";
import {
  addPolicy,
  assertCountsAddUp,
  type GuestSensor,
  policyOf,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";

const folder = "/etc/gander-guarded";
const name = "gander-adopt";
const ringBytes = 1 << 20;
mkdirSync(folder, { recursive: true });

const guard = policyText(
  "guard",
  `
kprobes:
- call: security_file_permission
  syscall: false
  args:
  - index: 0
    type: file
  - index: 1
    type: int
  selectors:
  - matchArgs:
    - index: 0
      operator: Prefix
      values: ["${folder}/"]
    - index: 1
      operator: Equal
      values: ["2"]
    matchActions:
    - action: Override
      argError: -1`,
);

async function startLoader(bytes = ringBytes): Promise<ChildProcess> {
  const script = fileURLToPath(new URL("../../test/loader.ts", import.meta.url));
  const child = fork(script, [name, String(bytes), guard]);
  const [message] = await Promise.race([once(child, "message"), once(child, "exit")]);
  assert.equal(message, "ready");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Kills a sensor during an attack; `run` starts the next one. */
async function afterKill(
  run: (attacker: Attacker, restart: () => Promise<GuestSensor>) => Promise<void>,
  spoil: () => void = () => {},
): Promise<void> {
  const loader = await startLoader();
  using attacker = await startAttacker(`${folder}/target`);
  attacker.begin();
  await moreAttacks(attacker, 500);
  await kill(loader);
  await moreAttacks(attacker, 500);
  spoil();
  await run(attacker, () => startGuestSensor({ name, ringBytes }));
}

test("a killed sensor's successor takes over policies, counters and rule ids exactly", () =>
  afterKill(async (attacker, restart) => {
    await using sensor = await restart();
    assert.equal(sensor.kernel.found, "same");
    const state = stateOf(sensor.policies, "guard");
    assert.deepEqual([state.state, state.mode, state.revision], ["enabled", "enforce", 1]);
    const rule = sensor.policies.rule(1);
    assert.equal(rule?.policyName, "guard");
    // Adding the same text again changes nothing; another policy moves all of them to the other side.
    assert.equal((await addPolicy(sensor.policies, guard)).revision, 1);
    await addPolicy(sensor.policies, guard.replace("name: guard", "name: second"));
    await sensor.policies.started();
    await moreAttacks(attacker, 200);
    const { succeeded, denied } = await attacker.stop();
    assert.equal(succeeded, 0);
    const { counters } = stateOf(sensor.policies, "guard");
    assert.equal(counters.denied, BigInt(denied));
    assertCountsAddUp(stateOf(sensor.policies, "guard"));
  }));

const manifestPath = `/run/${name}/manifest`;
const cut = (path: string) => writeFileSync(path, readFileSync(path).subarray(0, -1));

/** A policy that only the manifest records, as added by `gander policy add`. */
async function addKept(sensor: GuestSensor, text: string): Promise<void> {
  const { problems } = await sensor.policies.add(policyOf(text), "grpc");
  assert.equal(problems, undefined, problems?.[0]?.message);
}

const key = (of: string, origin: "static" | "grpc" = "static") =>
  ({ name: of, namespace: "", origin }) as const;

test("if the newest manifest is damaged, the one before tells the same", () =>
  afterKill(
    async (attacker, restart) => {
      await using sensor = await restart();
      assert.equal(sensor.kernel.found, "same");
      assert.equal(stateOf(sensor.policies, "guard").state, "enabled");
      await moreAttacks(attacker, 100);
      const { succeeded, denied } = await attacker.stop();
      assert.equal(succeeded, 0);
      assert.equal(stateOf(sensor.policies, "guard").counters.denied, BigInt(denied));
    },
    () => cut(manifestPath),
  ));

for (const [what, spoil] of [
  ["damaged", () => [manifestPath, `${manifestPath}.previous`].forEach(cut)],
  ["missing", () => rmSync(`/run/${name}`, { recursive: true })],
  [
    "older than the tables",
    () => {
      // As if both were from a backup.
      for (const path of [manifestPath, `${manifestPath}.previous`]) {
        const body = readFileSync(path, "utf8").split("\n")[1] ?? "";
        const text = body.replace(/"tables":"\w+"/, '"tables":"0123"');
        const digest = createHash("sha256").update(text).digest("hex");
        writeFileSync(path, `gander-manifest 1 ${digest}\n${text}`);
      }
    },
  ],
] as const) {
  test(`if all manifests are ${what}, what is in force stays until a person ends it`, () =>
    afterKill(async (attacker, restart) => {
      let unknown = "";
      {
        const sensor = await restart();
        await sensor.policies.started();
        await sensor.policies.releaseLeft({ operatorIsWhole: true });
        const found = sensor.policies.list().filter((one) => one.name.startsWith("unknown:"));
        assert.equal(found.length, 1);
        unknown = found[0]?.name ?? "";
        assert.equal(found[0]?.state, "enabled");
        assert.match(found[0]?.warnings.join() ?? "", /not known/);
        assert.equal(found[0]?.hooks[0]?.target, "file_permission");
        assert.equal(
          (await sensor.policies.setMode(key(unknown, "grpc"), "monitor")).problems?.length,
          1,
        );
        // It still works: policies can be added and removed.
        await addKept(sensor, guard.replace("name: guard", "name: mine"));
        await moreAttacks(attacker, 100);
        await sensor.policies.remove(key("mine", "grpc"));
        await addKept(
          sensor,
          guard.replace("name: guard", "name: mine").replace(folder, "/etc/other"),
        );
        await moreAttacks(attacker, 100);
        await sensor.abandon();
      }
      await using sensor = await restart();
      await sensor.policies.started();
      assert.equal(stateOf(sensor.policies, "mine").state, "enabled");
      assert.equal(stateOf(sensor.policies, unknown).state, "enabled");
      await moreAttacks(attacker, 100);
      assert.equal(attacker.succeeded(), 0);
      for (const one of sensor.policies.list())
        if (one.name !== unknown) await sensor.policies.remove(one);
      await moreAttacks(attacker, 100);
      assert.equal(attacker.succeeded(), 0);
      assert.equal((await sensor.policies.remove(key(unknown, "grpc"))).problems, undefined);
      assert.deepEqual(sensor.policies.list(), []);
      const { succeeded } = await attacker.stop();
      assert.ok(succeeded > 0, "nothing is in force any more");
    }, spoil));
}

const disk = "/tmp/disk-of-state";

/** While `job` runs, the folder of the manifest is read-only. */
async function whileFull(job: () => Promise<void>): Promise<void> {
  execFileSync("mount", ["-o", "remount,ro", disk]);
  await job().finally(() => execFileSync("mount", ["-o", "remount,rw", disk]));
}

test("what cannot be kept is refused, and what comes back by itself is taken", async () => {
  mkdirSync(disk, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "none", disk]);
  symlinkSync(disk, `/run/${name}`);
  writeFileSync(`${folder}/free`, "x");
  const other = guard.replace("name: guard", "name: other").replaceAll(folder, "/etc/other");
  const isRefused = async (result: Promise<{ problems?: readonly { code: string }[] }>) =>
    assert.deepEqual(
      (await result).problems?.map(({ code }) => code),
      ["policy-not-kept"],
    );
  try {
    {
      const sensor = await startGuestSensor({ name, ringBytes });
      await addKept(sensor, other);
      await sensor.policies.started();
      await whileFull(async () => {
        const { policies } = sensor;
        await isRefused(policies.add(policyOf(guard), "grpc"));
        writeFileSync(`${folder}/free`, "x");
        await isRefused(policies.remove(key("other", "grpc")));
        await isRefused(policies.setMode(key("other", "grpc"), "monitor"));
        await isRefused(policies.setEnabled(key("other", "grpc"), "disabled"));
        assert.match(policies.unkept, /EROFS/);
        const { state, mode } = stateOf(policies, "other");
        assert.deepEqual([state, mode], ["enabled", "enforce"]);
        // A file adds it again after a restart.
        await addPolicy(policies, guard);
        await policies.started();
        assert.throws(() => writeFileSync(`${folder}/free`, "x"), { code: "EPERM" });
        await sensor.abandon();
      });
    }
    await using sensor = await startGuestSensor({ name, ringBytes });
    // Everything is known, but not by number: it is put in force again.
    assert.equal(sensor.kernel.found, "other");
    assert.throws(() => writeFileSync(`${folder}/free`, "x"), { code: "EPERM" });
    await addPolicy(sensor.policies, guard);
    await sensor.policies.started();
    await sensor.policies.releaseLeft({ operatorIsWhole: true });
    assert.equal(readdirSync(`/sys/fs/bpf/${name}`).length, 1);
    assert.deepEqual(
      sensor.policies.list().map((one) => one.name),
      ["other", "guard"],
    );
    assert.throws(() => writeFileSync(`${folder}/free`, "x"), { code: "EPERM" });
    assert.equal(sensor.policies.unkept, "");
  } finally {
    execFileSync("umount", ["-l", disk]);
  }
});

test("where the pin of a map is gone, its programs stay until their policies are in force again", () =>
  afterKill(
    async (attacker, restart) => {
      await using sensor = await restart();
      assert.equal(sensor.kernel.found, "other");
      await sensor.policies.started();
      assert.equal(stateOf(sensor.policies, "guard").state, "enabled");
      await sensor.policies.releaseLeft({ operatorIsWhole: true });
      assert.equal(readdirSync(`/sys/fs/bpf/${name}`).length, 1);
      await moreAttacks(attacker, 100);
      await sensor.policies.remove(key("guard"));
      const { succeeded } = await attacker.stop();
      assert.ok(succeeded > 0, "the tables are those that the programs read");
    },
    () => {
      const [build = ""] = readdirSync(`/sys/fs/bpf/${name}`);
      rmSync(`/sys/fs/bpf/${name}/${build}/maps/config`);
    },
  ));

test("another build's policies hold until this one's do", () =>
  afterKill(async (attacker) => {
    // A different ring size counts as another build.
    await using sensor = await startGuestSensor({ name, ringBytes: 2 * ringBytes });
    assert.equal(sensor.kernel.found, "other");
    await sensor.policies.started();
    assert.equal(stateOf(sensor.policies, "guard").state, "enabled");
    assert.equal(readdirSync(`/sys/fs/bpf/${name}`).length, 2);
    await sensor.policies.releaseLeft({ operatorIsWhole: true });
    assert.equal(readdirSync(`/sys/fs/bpf/${name}`).length, 1);
    await moreAttacks(attacker, 200);
    const { succeeded } = await attacker.stop();
    assert.equal(succeeded, 0);
  }));

test("a clean stop takes everything away", async () => {
  const sensor = await startGuestSensor({ name, ringBytes });
  await addPolicy(sensor.policies, guard);
  await sensor[Symbol.asyncDispose]();
  assert.deepEqual(readdirSync(`/sys/fs/bpf/${name}`), []);
  assert.equal(existsSync(`/run/${name}/manifest`), false);
  writeFileSync(`${folder}/free`, "x");
});
