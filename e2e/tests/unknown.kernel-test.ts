// SPDX-License-Identifier: Apache-2.0
// What a workload makes up, hides or exhausts is no way past a policy that enforces, and no way to stop
// the work of others. What counts is what is in the files.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { attackProgram, describeResult, run, startAttack } from "./lib/attack.ts";
import { Sensor } from "./lib/sensor.ts";

const guarded = "/var/guard/file";
const keeper = "/usr/local/bin/keeper";

/** Only the keeper may write below /var/guard; only below /var/public may anybody below /var/public*. */
const policies = {
  "binary.yaml": policy(
    "only-the-keeper",
    [
      ...["- index: 0", "  operator: Prefix", "  values: [/var/guard/]"],
      ...["- index: 1", "  operator: Mask", '  values: ["2"]'],
    ],
    `
      matchBinaries:
      - operator: NotIn
        values: [${keeper}]`,
  ),
  "path.yaml": policy("only-in-public", [
    ...["- index: 0", "  operator: NotPrefix", "  values: [/var/half/public/]"],
    ...["- index: 0", "  operator: Prefix", "  values: [/var/half/]"],
    ...["- index: 1", "  operator: Mask", '  values: ["2"]'],
  ]),
};

function policy(name: string, args: readonly string[], binaries = ""): string {
  return `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: ${name}
spec:
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
${args.map((line) => `      ${line}`).join("\n")}${binaries}
      matchActions:
      - action: Sigkill
`;
}

const user = (...argv: string[]) =>
  run("setpriv", ["--reuid", "1000", "--regid", "1000", "--clear-groups", ...argv]);
const inNamespace = (script: string) => user("unshare", "-Urm", "bash", "-c", script);

describe("what is made up, hidden or exhausted", () => {
  let sensor: Sensor;
  before(async () => {
    for (const directory of [
      "/var/guard",
      "/var/half/public",
      "/var/half/secret",
      "/var/mine",
      "/mnt",
    ]) {
      mkdirSync(directory, { recursive: true });
      chmodSync(directory, 0o777);
    }
    for (const file of [guarded, "/var/half/secret/file", "/var/half/public/file"]) {
      writeFileSync(file, "");
      chmodSync(file, 0o666);
    }
    assert.equal(run("cp", ["/bin/bash", keeper]).status, 0);
    sensor = await Sensor.start({ policies });
  });
  after(() => sensor?.[Symbol.asyncDispose]());
  const assertEmpty = (file: string) =>
    assert.equal(statSync(file).size, 0, readFileSync(file, "utf8").slice(0, 200));

  test("the keeper may write, others may not", () => {
    assert.equal(user("bash", "-c", `echo landed >> ${guarded}`).signal, "SIGKILL");
    assertEmpty(guarded);
    const result = user(keeper, "-c", `echo kept >> ${guarded}`);
    assert.equal(result.status, 0, describeResult(result));
    assert.equal(readFileSync(guarded, "utf8"), "kept\n");
    writeFileSync(guarded, "");
  });

  const write = `-c 'echo landed >> ${guarded}'`;
  const forgeries: Readonly<Record<string, string>> = {
    "a bind mount over it": `mount --bind /bin/bash ${keeper}; exec ${keeper} ${write}`,
    "a bind mount over its directory": `cp /bin/bash /var/mine/keeper; mount --bind /var/mine /usr/local/bin; exec ${keeper} ${write}`,
    "a file system over its directory": `mount -t tmpfs none /usr/local/bin; cp /bin/bash ${keeper}; exec ${keeper} ${write}`,
    "an overlay over its directory": `mkdir -p /var/mine/u /var/mine/w; cp /bin/bash /var/mine/u/keeper; mount -t overlay none -o lowerdir=/usr/local/bin,upperdir=/var/mine/u,workdir=/var/mine/w /usr/local/bin && exec ${keeper} ${write}`,
    "another root": `mount -t tmpfs none /mnt; mkdir -p /mnt/usr/local/bin /mnt/old /mnt/lib /mnt/lib64 /mnt/usr/lib /mnt/var/guard; mount --rbind /lib /mnt/lib; mount --rbind /lib64 /mnt/lib64; mount --rbind /usr/lib /mnt/usr/lib; mount --bind /var/guard /mnt/var/guard; cp /bin/bash /mnt${keeper}; cd /mnt; pivot_root . old && exec ${keeper} ${write}`,
    "a child of a forged one": `mount --bind /bin/bash ${keeper}; exec ${keeper} -c '(echo landed >> ${guarded}); exit $?'`,
    "a script of a forged interpreter": `mount --bind /bin/bash ${keeper}; printf '#!${keeper}\necho landed >> ${guarded}\n' > /var/mine/script; chmod +x /var/mine/script; exec /var/mine/script`,
    "a forged one that is unmounted": `mount --bind /bin/bash ${keeper}; exec ${keeper} -c 'umount -l ${keeper}; echo landed >> ${guarded}'`,
  };
  for (const [how, script] of Object.entries(forgeries))
    test(`the keeper's path, by ${how}`, () => {
      const result = inNamespace(script);
      assertEmpty(guarded);
      const killed = result.signal === "SIGKILL" || result.status === 137;
      assert.ok(killed, describeResult(result) + result.errors);
    });

  test("… started from outside of the namespace", () => {
    const result = user(
      ...["bash", "-c"],
      `unshare -Urm bash -c 'mount -t tmpfs none /usr/local/bin; cp /bin/bash ${keeper}; echo $$; sleep 60' | { read pid; /proc/$pid/root${keeper} ${write}; status=$?; kill $pid; exit $status; }`,
    );
    assertEmpty(guarded);
    assert.equal(result.status, 137, describeResult(result) + result.errors);
  });

  test("events say so", async () => {
    inNamespace(`mount --bind /bin/bash ${keeper}; exec ${keeper} -c 'exit 7'`);
    await sensor.event(
      "the forged keeper was started",
      ({ process_exec: exec }) =>
        exec?.process.binary === keeper && / ?forgeableBinary/.test(exec.process.flags ?? ""),
    );
  });

  test("a file at a path that is allowed", () => {
    const allowed = user("bash", "-c", "echo allowed >> /var/half/public/file");
    assert.equal(allowed.status, 0, describeResult(allowed));
    const bound = inNamespace(
      "mount --bind /var/half/secret /var/half/public; echo landed >> /var/half/public/file",
    );
    assertEmpty("/var/half/secret/file");
    assert.equal(bound.signal, "SIGKILL", describeResult(bound) + bound.errors);
  });

  test("an allowed path of too many components is refused", () => {
    const result = user(attackProgram, "write-deep", "/var/half/public", "8300", "landed");
    assert.equal(result.signal, "SIGKILL", describeResult(result));
    const innocent = user(attackProgram, "write-deep", "/var/half/public", "8000", "allowed");
    assert.equal(innocent.status, 0, describeResult(innocent));
  });

  test("processes that stand still in the middle of a call stop nobody else's work", {
    timeout: 300_000,
  }, async () => {
    const preempt = "/sys/kernel/debug/sched/preempt";
    const before = /\((\w+)\)/.exec(readFileSync(preempt, "utf8"))?.[1] ?? "voluntary";
    writeFileSync(preempt, "full");
    const crowd = startAttack("idle-crowd", "24", "/var/mine", "1");
    try {
      const line = await crowd.nextLine();
      assert.equal(line, "ready", line ?? describeResult(await crowd.ended()));
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const result = user(attackProgram, "innocent-writes", "400", "/var/mine/innocent", "1");
      assert.equal(result.output.trim(), "0", describeResult(result));
      for (let i = 0; i < 40; i++)
        user("taskset", "-c", "1", "bash", "-c", `echo landed >> ${guarded}`);
      assertEmpty(guarded);
    } finally {
      await crowd[Symbol.asyncDispose]();
      writeFileSync(preempt, before);
    }
  });

  test("the sensor runs, and says how often it decided without knowing", () => {
    assert.ok(sensor.running, sensor.log().slice(-3000));
  });
});
