// SPDX-License-Identifier: Apache-2.0
// A sensor that has its policies from an operator: what holds, and what holds while the operator is away.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { release } from "node:os";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { type CheckedPolicy, checkPolicy } from "@gander/policy";
import { streamCodec } from "@gander/proto/stream";
import { Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";
import { authority, TestOperator } from "./operator-stream/test-operator.ts";

const home = "/run/operator-test";
const state = "/run/operator-test/state";

/** Denies writes to files that begin with `prefix`, to pods with that label or to everything. */
function policy(name: string, prefix: string, app?: string): CheckedPolicy {
  const selector = app === undefined ? "" : `  podSelector: { matchLabels: { app: ${app} } }\n`;
  const { value, problems } = checkPolicy(
    `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: ${name} }
spec:
${selector}  kprobes:
    - call: security_file_permission
      syscall: false
      args: [{ index: 0, type: file }, { index: 1, type: int }]
      selectors:
        - matchArgs:
            - { index: 0, operator: Prefix, values: ["${prefix}"] }
            - { index: 1, operator: Equal, values: ["2"] }
          matchActions: [{ action: Override, argError: -1 }]
`,
    { file: name },
  );
  const [checked] = value ?? [];
  assert.ok(checked, JSON.stringify(problems));
  return checked;
}

/** Runs beside the operator, which is in this process and has to go on: status and output. */
function run(program: string, ...argv: readonly string[]) {
  return new Promise<{ readonly status: unknown; readonly output: string }>((resolve) => {
    execFile(program, argv, (error, output) => resolve({ status: error?.code ?? 0, output }));
  });
}

const gander = async (...argv: readonly string[]) => (await run("gander", ...argv)).output;
const write = async (file: string) => (await run("bash", "-c", `echo x >> ${file}`)).status;

const uid = "0b5c2d3e-1111-4222-8333-444455556666";
const slice = "/sys/fs/cgroup/kubepods.slice";
const pod = `${slice}/kubepods-pod${uid.replaceAll("-", "_")}.slice`;

/** The status of a write by a process of the pod. */
const writeInPod = async (file: string) =>
  (await run("bash", "-c", `echo $$ > ${pod}/cgroup.procs && echo x >> ${file}`)).status;

const probes = "127.0.0.1:6790";

/** What a kubelet is told. */
async function readyz(): Promise<string> {
  const answer = await fetch(`http://${probes}/readyz`);
  return `${answer.status} ${(await answer.text()).trim()}`;
}

type Report = { readonly connected: boolean; readonly source: string; readonly lastError: string };

async function operatorReport(): Promise<Report> {
  return JSON.parse(await gander("status", "-o", "json")).operator;
}

const held = "/tmp/held";
const tally = "/tmp/tries";
/** Writes all the time, and leaves a sensor that starts meanwhile most of the processor. */
const program = `
const fs = require("node:fs");
const file = fs.openSync("${held}", "a");
let tries = 0;
setInterval(() => {
  try { fs.writeSync(file, "x"); } catch {}
  fs.writeFileSync("${tally}", String(++tries));
}, 20);`;

const tries = () => Number(readFileSync(tally, "utf8"));

/** Until it tried so often from now on. */
async function moreTries(count = 20): Promise<void> {
  const goal = tries() + count;
  await waitUntil(`${goal} tries`, () => tries() >= goal);
}

describe("a sensor with an operator", { timeout: 1_200_000 }, () => {
  let operator: TestOperator;
  let sensor: Sensor;
  before(async () => {
    mkdirSync(state, { recursive: true });
    await run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", state);
    mkdirSync(pod, { recursive: true });
    writeFileSync(`${home}/ca.crt`, authority.certificate);
    writeFileSync(`${home}/token`, "token-a");
    operator = await new TestOperator().start();
    // A port that is known, and where nobody listens yet.
    await operator[Symbol.asyncDispose]();
    const flags = ["--operator", `127.0.0.1:${operator.port}`, "--operator-ca", `${home}/ca.crt`];
    sensor = await Sensor.start({
      flags: [
        ...[...flags, "--operator-token", `${home}/token`, "--node-name", "a"],
        ...["--operator-server-name", "gander-operator", "--state-dir", state],
        ...["--health-server-address", probes],
      ],
    });
  });
  after(async () => {
    await operator?.[Symbol.asyncDispose]();
    await sensor?.[Symbol.asyncDispose]();
    rmdirSync(pod);
    await run("umount", state);
    rmSync(home, { recursive: true, force: true });
  });

  test("starts without it, and says what it lacks", async () => {
    assert.equal(await readyz(), "503 the operator has not sent this node's policies yet");
    await waitUntil("it tried", async () =>
      (await operatorReport()).lastError.includes("UNAVAILABLE"),
    );
    assert.equal((await operatorReport()).connected, false);
    assert.match(await gander("status"), /operator: not connected to 127.0.0.1/);
  });

  test("enforces what it says, to whom it says, and answers", async () => {
    operator = await new TestOperator(operator, operator.port).start();
    const all = operator.revision("all", 1, policy("for-all", "/etc/cluster"));
    const web = operator.revision("web", 1, policy("for-web", "/etc/web", "web"));
    await operator.put(all);
    await operator.put(web);
    await operator.putPod(uid, "web");
    await waitUntil("both are in force", () => operator.hub.rollout.of(web).ready === 1);
    assert.equal(operator.hub.rollout.of(all).ready, 1);
    assert.equal(await write("/etc/cluster"), 1);
    assert.equal(await writeInPod("/etc/cluster"), 1);
    assert.equal(await write("/etc/web"), 0);
    assert.equal(await writeInPod("/etc/web"), 1);
    await waitUntil("the blocked writes were told", () => {
      const [ofAll, ofWeb] = ["all", "web"].map((name) => operator.hub.totals.of(name).enforced);
      return ofAll === 2 && ofWeb === 1;
    });
    assert.match(await gander("status"), /2 policies, 1 pods/);
    assert.match(await gander("policy", "list"), /for-web/);
    assert.equal(await readyz(), "200 ok");
  });

  test("tells what its kernel is like", async () => {
    await waitUntil("the facts are there", () => operator.hub.facts.known.size === 1, 180_000);
    const [encoded = Buffer.alloc(0)] = operator.hub.facts.known.values();
    const facts = streamCodec("gander.v1.KernelFacts").decode(encoded);
    const unzip = (bytes: Uint8Array = new Uint8Array()) => gunzipSync(Buffer.from(bytes));
    const lines = (zipped?: Uint8Array) => unzip(zipped).toString("latin1").split("\n");
    assert.equal(facts.release, release());
    assert.deepEqual(unzip(facts.btf), readFileSync("/sys/kernel/btf/vmlinux"));
    assert.ok(lines(facts.symbols).includes("security_file_permission"));
    const tracepoints = lines(facts.tracepoints).map((line) => line.split("\t"));
    const exec = tracepoints.find(([name]) => name === "sched/sched_process_exec");
    assert.ok(exec?.includes("pid_t old_pid"), JSON.stringify(exec));
    assert.ok(tracepoints.some(([name]) => name === "syscalls/sys_enter_openat"));
    assert.ok(facts.active_lsms?.includes("bpf"));
    assert.ok(facts.features?.some(({ name, present }) => name === "bpf-lsm" && present));
  });

  describe("that goes away", () => {
    let attacker: ReturnType<typeof spawn>;
    before(async () => {
      writeFileSync(held, "");
      writeFileSync(tally, "0");
      const revision = operator.revision("held", 1, policy("held", held));
      await operator.put(revision);
      await waitUntil("it is in force", () => operator.hub.rollout.of(revision).ready === 1);
      attacker = spawn(process.execPath, ["-e", program], { stdio: "inherit" });
      await operator[Symbol.asyncDispose]();
    });
    after(() => attacker?.kill("SIGKILL"));

    test("leaves everything in force, also when the sensor is killed and comes back", async () => {
      await waitUntil("it is noticed", async () => !(await operatorReport()).connected);
      await moreTries();
      await sensor.kill();
      await moreTries();
      await sensor.restart();
      assert.equal((await operatorReport()).source, "disk");
      assert.equal(await readyz(), "200 ok");
      assert.equal(await write("/etc/cluster"), 1);
      assert.equal(await writeInPod("/etc/web"), 1);
      assert.equal(await write("/etc/web"), 0);
      await moreTries();
    });

    test("is found again, and nothing has to be sent", async () => {
      operator = await new TestOperator(operator, operator.port).start();
      await waitUntil("the sensor is there", () => operator.hub.session("a")?.isWaiting === false);
      await moreTries();
      attacker.kill("SIGKILL");
      assert.equal(statSync(held).size, 0);
      assert.equal((await operatorReport()).connected, true);
    });

    test("and takes a policy away afterwards", async () => {
      await operator.hub.push(operator.resolver.deletePolicy("all"));
      await waitUntil("it is gone", async () => (await write("/etc/cluster")) === 0);
      assert.equal(await writeInPod("/etc/web"), 1);
    });
  });

  test("takes policies while its disk is full, and stores them when it isn't any more", async () => {
    const full = operator.revision("full", 1, policy("full", "/etc/full"));
    await run("dd", "if=/dev/zero", `of=${state}/fill`, "bs=4k");
    await operator.put(full);
    await waitUntil("it is in force", () => operator.hub.rollout.of(full).ready === 1);
    assert.equal(await write("/etc/full"), 1);
    assert.match(await gander("status"), /not on disk.*ENOSPC/);
    rmSync(`${state}/fill`);
    await waitUntil("it is stored", async () => !/not on disk/.test(await gander("status")));
  });

  test("enforces after a reboot what lies on disk", async () => {
    await operator[Symbol.asyncDispose]();
    // A clean stop takes all out of the kernel, as a reboot does.
    await sensor.stop();
    assert.equal(await writeInPod("/etc/web"), 0);
    await sensor.restart();
    assert.equal(await writeInPod("/etc/web"), 1);
    assert.equal(await write("/etc/full"), 1);
    assert.ok(readdirSync(`${state}/operator/policies`).length >= 2);
  });
});
