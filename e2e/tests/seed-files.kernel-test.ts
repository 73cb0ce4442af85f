// SPDX-License-Identifier: Apache-2.0
// With the seed policies nothing written below /etc lands, and every program started from /tmp is
// reported. What counts is the file. That each attack works unguarded is shown by unguarded-files.
import assert from "node:assert/strict";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import {
  attack,
  describeResult,
  type RunningAttack,
  run,
  startAttack,
  UNSUPPORTED,
} from "./lib/attack.ts";
import { execAttacks, startProgram } from "./lib/exec-attacks.ts";
import { fileAttacks, Target } from "./lib/file-attacks.ts";
import { plainPolicy } from "./lib/plain-policy.ts";
import { gander, readSeedPolicies, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const policy = "file-monitoring-filtered";

/** As in docs/policies.md: EXT4_IOC_MOVE_EXT, XFS_IOC_SWAPEXT, LOOP_SET_FD, LOOP_CHANGE_FD, LOOP_CONFIGURE. */
const requests = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: file-requests }
spec:
  kprobes:
  - call: security_file_ioctl
    syscall: false
    args: [{ index: 0, type: file }, { index: 1, type: uint32 }]
    selectors:
    - matchArgs:
      - index: 1
        operator: Equal
        values: ["0xc028660f", "0xc0c0586d", "0x4c00", "0x4c06", "0x4c0a"]
      matchActions: [{ action: Sigkill }]
`;

describe("files and programs with the seed policies", () => {
  let sensor: Sensor;
  let openedBefore: RunningAttack | undefined;
  before(async () => {
    writeFileSync("/etc/bar", "as it was\n");
    writeFileSync("/etc/opened-before", "");
    openedBefore = startAttack("late-write", "append", "open", "/etc/opened-before", "landed");
    assert.equal(await openedBefore.nextLine(), "opened");
    const watch = plainPolicy({ name: "watch", prefix: "/var/tmp/watched" });
    sensor = await Sensor.start({ policies: { ...readSeedPolicies(), "watch.yaml": watch } });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    await openedBefore?.[Symbol.asyncDispose]();
  });

  test("bash -c 'echo foo >> /etc/bar': 137, the file unchanged, and the events say so", async () => {
    const result = run("bash", ["-c", "bash -c 'echo foo >> /etc/bar'; echo $?"]);
    assert.equal(result.output.trim(), "137");
    assert.equal(readFileSync("/etc/bar", "utf8"), "as it was\n");

    const { process_exec: exec } = await sensor.event(
      "the exec",
      (event) => event.process_exec?.process.arguments === '-c "echo foo >> /etc/bar"',
    );
    assert.match(exec?.process.binary ?? "", /\/bash$/);
    const { process_kprobe: hook } = await sensor.event(
      "the write",
      (event) =>
        event.process_kprobe?.function_name === "security_file_permission" &&
        event.process_kprobe.process.exec_id === exec?.process.exec_id,
    );
    assert.equal(hook?.policy_name, policy);
    assert.equal(hook?.action, "KPROBE_ACTION_SIGKILL");
    assert.equal(hook?.args?.[0]?.file_arg?.path, "/etc/bar");
    assert.equal(hook?.args?.[1]?.int_arg, 2);
    assert.ok(hook?.return !== undefined, "the event carries the return value");
    const { process_exit: exit } = await sensor.event(
      "the exit",
      (event) => event.process_exit?.process.exec_id === exec?.process.exec_id,
    );
    assert.equal(exit?.signal, "SIGKILL");
    assert.equal(exec?.parent?.exec_id, exec?.process.parent_exec_id);
  });

  test("a new file below /etc stays empty", () => {
    const result = run("bash", ["-c", "echo foo > /etc/new-file"]);
    assert.equal(result.signal, "SIGKILL", describeResult(result));
    assert.equal(statSync("/etc/new-file").size, 0);
  });

  for (const way of fileAttacks.filter((way) => way.outOfReach === undefined))
    test(`nothing lands: ${way.method}, ${way.route}`, (t) => {
      using target = new Target("/etc/attacked");
      const result = target.attack(way);
      if (!way.everywhere && result.status === UNSUPPORTED) return t.skip(result.errors.trim());
      assert.equal(target.landed(), false, describeResult(result));
      if (way.whenStopped === "refused") assert.equal(result.status, 1, describeResult(result));
      else assert.equal(result.signal, "SIGKILL", describeResult(result));
    });

  test("a core dump below /etc: the file stays empty, and the event says who and where", async () => {
    using target = new Target("/etc/attacked");
    target.attack({ method: "core-dump", route: "open", everywhere: true });
    assert.equal(statSync("/etc/attacked/core").size, 0);
    const { process_kprobe: hook } = await sensor.event(
      "the core dump",
      ({ process_kprobe: hook }) => hook?.args?.[0]?.file_arg?.path === "/etc/attacked/core",
    );
    assert.equal(hook?.policy_name, policy);
    assert.equal(hook?.function_name, "security_file_permission");
    assert.equal(hook?.args?.[1]?.int_arg, 2);
    assert.match(hook?.process.arguments ?? "", /core-dump/);
  });

  test("a core dump is told of where a policy only observes", async () => {
    using target = new Target("/var/tmp/watched");
    target.attack({ method: "core-dump", route: "open", everywhere: true });
    assert.ok(target.landed());
    const { process_kprobe: hook } = await sensor.event(
      "the core dump",
      ({ process_kprobe: hook }) => hook?.args?.[0]?.file_arg?.path === "/var/tmp/watched/core",
    );
    assert.equal(hook?.policy_name, "watch");
    assert.equal(hook?.action, "KPROBE_ACTION_POST");
    assert.equal(hook?.args?.[1]?.int_arg, 2);
  });

  for (const way of fileAttacks.filter((way) => way.outOfReach !== undefined))
    test(`out of reach of this policy: ${way.method}, ${way.route}`, (t) => {
      using target = new Target("/etc/attacked");
      const result = target.attack(way);
      t.diagnostic(
        `${way.outOfReach}: ${target.landed() ? "landed" : "stopped"}, ${describeResult(result)}`,
      );
      assert.ok(sensor.running, sensor.log().slice(-3000));
    });

  test("with a policy on security_file_ioctl no blocks are exchanged, and no loop device is set up", async () => {
    sensor.writePolicy("file-requests.yaml", requests);
    await waitUntil("the policy is in force", () =>
      gander("policy", "list").output.includes("file-requests"),
    );
    for (const method of ["move-extents", "loop-direct"]) {
      using target = new Target("/etc/attacked");
      const result = target.attack({ method, route: "open", everywhere: true });
      assert.equal(target.landed(), false, describeResult(result));
      if (result.status !== UNSUPPORTED)
        assert.equal(result.signal, "SIGKILL", `${method}: ${describeResult(result)}`);
    }
  });

  test("a file opened before the policy was there", async () => {
    openedBefore?.go();
    assert.equal((await openedBefore?.ended())?.signal, "SIGKILL");
    assert.equal(readFileSync("/etc/opened-before", "utf8"), "");
  });

  const goesOn: Readonly<Record<string, string>> = {
    "reading below /etc": "cat /etc/passwd > /dev/null && ls -lR /etc > /dev/null",
    "opening for writing without writing": "exec 3>> /etc/bar; exec 3>&-",
    "writing elsewhere": "echo x > /var/tmp/x && echo x > /tmp/x && echo x > /root/x",
    "a directory named etc elsewhere": "mkdir -p /srv/etc && echo x > /srv/etc/x",
    "changing times, mode and owner below /etc":
      "touch -m /etc/bar && chmod 600 /etc/bar && chown 1 /etc/bar",
    "a core dump elsewhere":
      "ulimit -c unlimited; mkdir -p /srv/dumps; cd /srv/dumps; ! bash -c 'kill -SEGV $$'; test -s core",
    "reading and writing pipes": "echo x | cat | cat > /dev/null",
  };
  for (const [what, command] of Object.entries(goesOn))
    test(`goes on: ${what}`, () => {
      const result = run("bash", ["-ec", command]);
      assert.equal(result.status, 0, describeResult(result));
    });

  test("a file moved out of /etc can be written to again", () => {
    renameSync("/etc/new-file", "/var/tmp/moved-out");
    assert.equal(run("bash", ["-c", "echo free > /var/tmp/moved-out"]).status, 0);
  });

  for (const { method, outOfReach } of execAttacks)
    test(`a program from /tmp: ${method}`, async (t) => {
      const result = startProgram(method);
      assert.equal(result.output, "ran\n", "detecting does not disturb");
      const path = method === "hard-link" ? "/tmp/attack-linked" : `/tmp/attacked-${method}`;
      const reported = () =>
        sensor
          .events()
          .find(
            ({ process_kprobe: hook }) =>
              hook?.policy_name === "detect-tmp-exec" &&
              hook.args?.[0]?.linux_binprm_arg?.path.startsWith(path),
          );
      if (outOfReach !== undefined) {
        await sensor.settled();
        return t.diagnostic(`${outOfReach}: ${reported() ? "reported" : "not reported"}`);
      }
      const event = await sensor.event(method, () => reported() !== undefined);
      assert.ok(event);
      assert.equal(reported()?.process_kprobe?.action, "KPROBE_ACTION_POST");
    });

  test("a program from elsewhere is not reported", async () => {
    run("/bin/true", ["elsewhere"]);
    await sensor.settled();
    const wrong = sensor
      .events()
      .filter(
        ({ process_kprobe: hook }) =>
          hook?.policy_name === "detect-tmp-exec" &&
          !hook.args?.[0]?.linux_binprm_arg?.path.startsWith("/tmp/"),
      );
    assert.deepEqual(wrong, []);
  });

  test("after a clean stop all is as before", async () => {
    assert.equal(await sensor.stop(), 0);
    assert.equal(run("bash", ["-c", "echo foo >> /etc/bar"]).status, 0);
    assert.equal(readFileSync("/etc/bar", "utf8"), "as it was\nfoo\n");
    assert.deepEqual(
      run("find", ["/sys/fs/bpf", "-type", "f"]).output,
      "",
      "nothing is left pinned",
    );
    attack("write", "write", "open", "/etc/bar", "x");
  });
});
