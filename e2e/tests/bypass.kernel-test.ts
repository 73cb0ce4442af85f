// SPDX-License-Identifier: Apache-2.0
// Ways round a guard that have nothing to do with how a file is written: who writes, from where,
// and what else goes on in the kernel.
import assert from "node:assert/strict";
import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { after, before, beforeEach, describe, test } from "node:test";
import { attack, describeResult, run, startAttack } from "./lib/attack.ts";
import { plainPolicy } from "./lib/plain-policy.ts";
import { gander, readSeedPolicies, Sensor } from "./lib/sensor.ts";

const file = "/etc/guarded";
const write = `echo landed >> ${file}`;

describe("bypasses", () => {
  let sensor: Sensor;
  before(async () => {
    sensor = await Sensor.start({
      policies: {
        ...readSeedPolicies(),
        "watch.yaml": plainPolicy({ name: "watch", prefix: "/var/tmp/watched" }),
      },
      flags: ["--export-file-max-size-mb", "1000"],
    });
  });
  after(() => sensor?.[Symbol.asyncDispose]());
  beforeEach(() => {
    writeFileSync("/var/tmp/guarded", "");
    chmodSync("/var/tmp/guarded", 0o666);
    renameSync("/var/tmp/guarded", file);
  });
  const assertNothingLanded = () =>
    assert.equal(statSync(file).size, 0, readFileSync(file, "utf8").slice(0, 200));

  const shells: Readonly<Record<string, readonly string[]>> = {
    "another user": ["setpriv", "--reuid", "1000", "--clear-groups", "bash", "-c", write],
    "no capabilities": ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "bash", "-c", write],
    "the first process of a pid namespace": ["unshare", "-pf", "--mount-proc", "bash", "-c", write],
    "all namespaces at once": ["unshare", "-mipunCf", "bash", "-c", write],
    "a user namespace with a mapped root": ["unshare", "-Urmpf", "bash", "-c", write],
    "another cgroup": [
      "bash",
      "-c",
      `mkdir -p /sys/fs/cgroup/a/b/c && echo $$ > /sys/fs/cgroup/a/b/c/cgroup.procs && ${write}`,
    ],
    "a new session, in the background": ["setsid", "-w", "bash", "-c", `(${write}) & wait $!`],
    "real-time priority": ["chrt", "-f", "50", "bash", "-c", write],
    "the deepest nice": ["nice", "-n", "19", "bash", "-c", write],
    "a traced process": ["strace", "-f", "-o", "/dev/null", "bash", "-c", write],
    tee: ["bash", "-c", `echo landed | tee -a ${file}`],
    dd: ["dd", "if=/bin/true", `of=${file}`, "bs=512", "count=8"],
    "sed -i": ["sed", "-i", "s/^/landed/", "/etc/bash.bashrc"],
    cp: ["cp", "/bin/true", file],
    awk: ["gawk", `BEGIN { print "landed" >> "${file}" }`],
    node: [process.execPath, "-e", `require('fs').appendFileSync('${file}', 'landed')`],
    socat: ["socat", "-u", "EXEC:echo landed", `OPEN:${file},append`],
  };
  for (const [who, argv] of Object.entries(shells))
    test(`written by ${who}`, () => {
      const result = run(argv[0] ?? "", argv.slice(1));
      assertNothingLanded();
      assert.notEqual(result.status, 0, describeResult(result));
    });

  for (const count of [8, 64, 400])
    test(`${count} threads in the same moment`, () => {
      for (let i = 0; i < 3; i++) attack("write-threads", `${count}`, file, "landed\n");
      assertNothingLanded();
    });

  test("5,000 living processes, the last one writes", { timeout: 200_000 }, () => {
    const result = attack("write-from-crowd", "5000", file, "landed\n");
    assertNothingLanded();
    assert.match(result.output, /killed/);
  });

  test("3,000 cgroups", () => {
    run("bash", ["-c", "cd /sys/fs/cgroup && mkdir -p crowd && cd crowd && mkdir $(seq 3000)"]);
    run("bash", ["-c", `echo $$ > /sys/fs/cgroup/crowd/3000/cgroup.procs && ${write}`]);
    assertNothingLanded();
    run("bash", ["-c", "cd /sys/fs/cgroup/crowd && rmdir $(seq 3000); cd .. && rmdir crowd"]);
  });

  test("many processes at once with a flood of events", { timeout: 200_000 }, async () => {
    const flood = startAttack("write-storm", "/var/tmp/watched", "60000", "0", "2");
    const loop = startAttack("loop-write", "8", "8", file);
    let last = await loop.nextLine();
    for (let line = last; line !== undefined; line = await loop.nextLine()) last = line;
    await flood.ended();
    assertNothingLanded();
    assert.equal(JSON.parse(last ?? "").succeeded, 0);
  });

  test("the ring is full and nobody reads it", { timeout: 200_000 }, () => {
    process.kill(sensor.pid, "SIGSTOP");
    try {
      attack("write-storm", "/var/tmp/watched", "60000", "0", "2");
      for (let i = 0; i < 20; i++) attack("write", "write", "open", file, "landed");
      attack("storm", "exec", "500", "4", "/run/storm-full");
      run("bash", ["-c", write]);
      assertNothingLanded();
    } finally {
      process.kill(sensor.pid, "SIGCONT");
    }
  });

  test("200 files and directories are renamed to and fro meanwhile", {
    timeout: 200_000,
  }, async () => {
    const churn = startAttack("rename-storm", "8", "/var/tmp/churn");
    for (let i = 0; i < 40; i++) {
      attack("write", "write", "renamed-to", file, "landed");
      assert.ok(!readFileSync(file, "utf8").includes("landed"));
      attack("write", i % 2 ? "pwrite" : "uring", "open", file, "landed");
      assert.ok(!readFileSync(file, "utf8").includes("landed"));
    }
    await churn.ended();
  });

  test("the sensor runs, and says that it is ready", () => {
    assert.ok(sensor.running, sensor.log().slice(-3000));
    const status = gander("status");
    assert.equal(status.status, 0, describeResult(status));
  });
});
