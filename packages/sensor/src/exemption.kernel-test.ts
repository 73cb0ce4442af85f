// SPDX-License-Identifier: Apache-2.0
// A policy that applies to every process does not stop the sensor, and no other process gets its exemption.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  addPolicy,
  type GuestSensor,
  policyText,
  startGuestSensor,
  stateOf,
} from "../test/guest-sensor.ts";

const folder = "/run/denied";
const name = "gander-exempt";

/** Denies writing below the folder. */
const guard = (actions: string) =>
  policyText(
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
${actions}`,
  );

let sensor: GuestSensor;
let pin: string;
before(async () => {
  mkdirSync(folder, { recursive: true });
  sensor = await startGuestSensor({ name });
  pin = `/sys/fs/bpf/${name}/${sensor.kernel.id}/links/process__sensor`;
  await addPolicy(sensor.policies, guard("    - action: Override\n      argError: -1"));
});
after(async () => {
  await sensor[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Whether a shell that runs `first` can itself write: `first` uses only builtins. */
function shellWrites(first: string, around: readonly string[] = []): boolean {
  const file = `${folder}/by-shell`;
  rmSync(file, { force: true });
  const argv = [...around, "bash", "-c", `${first.replaceAll("WRITE", `echo x > ${file}`)}`];
  spawnSync(argv[0] ?? "", argv.slice(1), { stdio: ["ignore", "inherit", "inherit"] });
  const test = spawnSync("cat", [file], { encoding: "utf8" });
  return test.stdout === "x\n";
}

/** In bash: open for reading and writing, and read to the end. */
const register = () => `exec 3<>${pin}; IFS= read -r -N1 -u3`;

test("it is denied before it is registered, and not after; nor are its threads", async () => {
  assert.throws(() => writeFileSync(`${folder}/early`, "x"), { code: "EPERM" });
  sensor.kernel.exemptThisProcess();
  assert.equal(sensor.kernel.isExempt, true);
  writeFileSync(`${folder}/late`, "x");
  await writeFile(`${folder}/thread`, "x");
  const { counters } = stateOf(sensor.policies, "guard");
  assert.deepEqual([counters.denied, counters.exempt], [1n, 2n]);
});

test("what it starts is not exempt, while it lives or after", () => {
  assert.equal(shellWrites("WRITE"), false);
});

test("a shell can register only with the rights of a sensor", () => {
  assert.equal(shellWrites(`${register()}; WRITE`), true, "else the rest proves nothing");
  const readOnly = `exec 3<${pin}; IFS= read -r -N1 -u3; WRITE`;
  assert.equal(shellWrites(readOnly), false, "opened for reading only, as grep -r does");
  const without = ["setpriv", "--bounding-set=-bpf,-sys_admin"];
  assert.equal(shellWrites(`${register()}; WRITE`, without), false, "root without capabilities");
  const inUserNamespace = ["unshare", "--user", "--map-root-user"];
  assert.equal(shellWrites(`${register()}; WRITE`, inUserNamespace), false, "a user namespace");
  const asUser = ["setpriv", "--reuid=1000", "--clear-groups"];
  assert.equal(shellWrites(`${register()}; WRITE`, asUser), false, "another user");
  const inherited = `exec 3<>${pin}; exec setpriv --bounding-set=-bpf,-sys_admin bash -c 'IFS= read -r -N1 -u3; WRITE'`;
  assert.equal(shellWrites(inherited), false, "a descriptor that root has opened");
});

test("the exemption ends with an exec, and no child or orphan has it", () => {
  assert.equal(shellWrites(`${register()}; exec bash -c 'WRITE'`), false, "exec");
  assert.equal(shellWrites(`${register()}; (WRITE)`), false, "a subshell");
  assert.equal(shellWrites(`${register()}; (sleep 0.3; WRITE) & exit`), false, "an orphan");
});

test("a pid that comes again is another process", () => {
  const steps = [
    `bash -c '${register()}; echo $$ > /run/pid'`,
    "echo $(($(cat /run/pid) - 1)) > /proc/sys/kernel/ns_last_pid",
    `bash -c '[ $$ = $(cat /run/pid) ] && echo x > /run/same && WRITE'`,
    "true",
  ].join("\n");
  rmSync("/run/same", { force: true });
  for (let i = 0; i < 50 && !existsSync("/run/same"); i++) assert.equal(shellWrites(steps), false);
  assert.equal(existsSync("/run/same"), true, "the pid was never the same");
});

test("it can start programs, which are not exempt", async () => {
  const noExec = policyText(
    "no-exec",
    `
lsmhooks:
- hook: bprm_check_security
  selectors:
  - matchActions:
    - action: Override
      argError: -1`,
  );
  await addPolicy(sensor.policies, noExec);
  try {
    assert.equal(spawnSync("true").status, 0);
    const nested = spawnSync("bash", ["-c", "/bin/true || echo denied"], { encoding: "utf8" });
    assert.equal(nested.stdout, "denied\n");
    assert.equal(spawnSync("bash", ["-c", "exec /bin/true"]).status, 126);
  } finally {
    await sensor.policies.remove({ name: "no-exec", namespace: "", origin: "static" });
  }
});

test("it survives what kills everybody else", async () => {
  await addPolicy(sensor.policies, guard("    - action: Sigkill"));
  writeFileSync(`${folder}/alive`, "x");
  assert.equal(shellWrites("WRITE"), false);
  await addPolicy(sensor.policies, guard("    - action: Override\n      argError: -1"));
});

test("what comes in while the sensor happens to run is judged like all else", async () => {
  const drop = policyText(
    "drop",
    `
lsmhooks:
- hook: socket_sock_rcv_skb
  selectors:
  - matchActions:
    - action: Override
      argError: -1`,
  );
  const receiver = createSocket("udp4");
  const sender = createSocket("udp4");
  let received = 0;
  receiver.on("message", () => received++);
  receiver.bind(0, "127.0.0.1");
  await once(receiver, "listening");
  const send = async () => {
    for (let i = 0; i < 50; i++)
      await new Promise((done) => sender.send("x", receiver.address().port, "127.0.0.1", done));
    await sleep(300);
  };
  try {
    await send();
    // Node reads 32 of them at a time, and a guest may stand still for a while in between.
    for (let tries = 0; received < 50 && tries < 100; tries++) await sleep(100);
    assert.equal(received, 50);
    await addPolicy(sensor.policies, drop);
    await send();
    assert.equal(received, 50, "packets of the loopback arrive in the context of who sends them");
  } finally {
    sender.close();
    receiver.close();
    await sensor.policies.remove({ name: "drop", namespace: "", origin: "static" });
  }
});
