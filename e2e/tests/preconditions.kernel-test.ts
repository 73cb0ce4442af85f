// SPDX-License-Identifier: Apache-2.0
// A sensor in its pod that lacks one thing it needs: it does not start, and says in one sentence which, in its
// log, as the pod's termination message and to `gander status`. With what the chart grants, and no more, it starts.
import assert from "node:assert/strict";
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { capabilities } from "../../packages/sensor/src/host/preconditions.ts";
import { describeResult, run } from "./lib/attack.ts";
import { asPod, chartCapabilities, stateDir } from "./lib/chart-rights.ts";
import { PodSensors } from "./lib/pod-sensor.ts";
import { gander, readSeedPolicies } from "./lib/sensor.ts";

/** As the kubelet makes it. */
const terminationLog = "/dev/termination-log";
const socket = "/var/run/gander/gander.sock";
const pins = "/sys/fs/bpf/gander";

/** `prepare`: shell commands in a mount namespace of its own; `argv`: what runs the sensor. */
type Lack = { readonly prepare?: string; readonly argv?: readonly string[] };

/** Its start must fail; gives what it left as the termination message. */
function refusedStart({ prepare = "true", argv = asPod() }: Lack): string {
  writeFileSync(terminationLog, "");
  const sensor = [...argv, "gander", "run", "--state-dir", stateDir, "--policies", "/nonexistent"];
  const result = run("unshare", [
    "--mount",
    "bash",
    "-ec",
    `${prepare}; exec "$@"`,
    "-",
    ...sensor,
  ]);
  const message = readFileSync(terminationLog, "utf8");
  assert.equal(result.status, 1, describeResult(result));
  assert.notEqual(message, "", describeResult(result));
  for (const line of message.split("\n")) assert.ok(result.errors.includes(line), result.errors);
  assert.equal(existsSync(pins), false, "something was pinned");
  return message;
}

/** One sentence, which begins with what is missing. */
function assertSentence(message: string, beginning: string): void {
  assert.ok(message.startsWith(beginning), message);
  assert.match(message, /^[^\n]+: [^\n]+\.$/);
}

/** The kernel's own types, but for one function: its name is another there. */
function writeOlderTypes(): string {
  const types = readFileSync("/sys/kernel/btf/vmlinux");
  const at = types.indexOf("\0bpf_loop\0");
  assert.ok(at > 0);
  types.write("\0bpf_looq\0", at, "latin1");
  const path = "/run/older-btf";
  writeFileSync(path, types);
  return path;
}

/** strace gives every program another release of the kernel: fields of uname(2) are 65 bytes each. */
function onKernel(release: string): readonly string[] {
  const field = (text: string) => Buffer.from(text.padEnd(65, "\0"), "latin1").toString("hex");
  const name = ["Linux", "node", release].map(field).join("");
  const changes = ["-e", "trace=uname", "-e", `inject=uname:poke_exit=@arg1=${name}`];
  return ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", ...changes];
}

describe("what a sensor needs", { timeout: 1_200_000 }, () => {
  before(() => {
    for (const folder of ["/var/run/gander", stateDir]) mkdirSync(folder, { recursive: true });
  });
  after(() => {
    for (const path of [
      terminationLog,
      "/home/user/private",
      "/run/older-btf",
      `${socket}.problem`,
    ])
      rmSync(path, { recursive: true, force: true });
  });

  test("the chart grants the capabilities that a start asks for, and no others", () => {
    const always = Object.entries(capabilities).filter(([, { isForHolding }]) => !isForHolding);
    assert.deepEqual([...chartCapabilities()].sort(), always.map(([name]) => name).sort());
  });

  for (const name of chartCapabilities())
    test(`without CAP_${name}`, () => {
      const others = chartCapabilities().filter((one) => one !== name);
      assertSentence(refusedStart({ argv: asPod(others) }), `CAP_${name} is missing, `);
    });

  /** A program that needs it as the sensor does: what it prints with all rights, and not without this one. */
  const uses: readonly (readonly [string, readonly string[]])[] = [
    ["SYSLOG", ["grep", "-E", "^0*[1-9a-f][0-9a-f]* . rename_lock$", "/proc/kallsyms"]],
    ["SYS_PTRACE", ["readlink", "/proc/1/ns/mnt"]],
    ["SYS_PTRACE", ["readlink", "/proc/1/root"]],
    ["DAC_READ_SEARCH", ["cat", "/home/user/private/file"]],
  ];
  for (const [name, command] of uses)
    test(`CAP_${name} is what ${command[0]} needs for ${command.at(-1)}`, () => {
      mkdirSync("/home/user/private", { recursive: true, mode: 0o700 });
      writeFileSync("/home/user/private/file", "x");
      chownSync("/home/user/private", 1000, 1000);
      const tryWith = (rights: readonly string[]) => {
        const [program = "", ...argv] = [...asPod(rights), ...command];
        return run(program, argv);
      };
      const all = chartCapabilities();
      const granted = tryWith(all);
      assert.ok(granted.status === 0 && granted.output !== "", describeResult(granted));
      const denied = tryWith(all.filter((one) => one !== name));
      assert.ok(denied.status !== 0 && denied.output === "", denied.output);
    });

  const hidden: readonly (readonly [string, string, string])[] = [
    ["BTF", "mount -t tmpfs none /sys/kernel/btf", "BTF is missing (/sys/kernel/btf/vmlinux), "],
    [
      "tracefs",
      "umount /sys/kernel/tracing; umount -l /sys/kernel/debug",
      "tracefs is missing (/sys/kernel/tracing), ",
    ],
    ["bpffs", "umount /sys/fs/bpf", "A bpf file system is missing at /sys/fs/bpf, "],
    ["cgroup v2", "umount -l /sys/fs/cgroup", "cgroup v2 is missing at /sys/fs/cgroup, "],
  ];
  for (const [name, prepare, beginning] of hidden)
    test(`without ${name}`, () => assertSentence(refusedStart({ prepare }), beginning));

  test("on an older kernel", () => {
    const message = refusedStart({
      prepare: `mount --bind ${writeOlderTypes()} /sys/kernel/btf/vmlinux`,
      argv: [...onKernel("5.15.0-91-generic"), ...asPod()],
    });
    assertSentence(message, "The kernel is Linux 5.15.0-91-generic, which lacks bpf_loop, ");
  });

  test("without anything: a sentence for each, and `gander status` says the same", () => {
    const prepare = hidden.map(([, commands]) => commands).join("; ");
    const message = refusedStart({ prepare, argv: asPod([]) });
    const sentences = message.split("\n");
    assert.equal(sentences.length, chartCapabilities().length + hidden.length, message);
    const status = gander("status");
    assert.equal(status.status, 1, describeResult(status));
    for (const sentence of sentences) assert.ok(status.errors.includes(sentence), sentence);
  });

  test("with what the chart grants it starts, enforces, and no longer says what was missing", async () => {
    await using sensors = new PodSensors(readSeedPolicies());
    assert.equal(await sensors.start(), "ready", sensors.log());
    assert.doesNotMatch(sensors.log(), /"level":"(?:warn|error)"/);
    assert.equal(existsSync(`${socket}.problem`), false);
    const write = run("bash", ["-c", "echo x >> /etc/guarded"]);
    assert.equal(write.signal, "SIGKILL", describeResult(write));
    assert.equal(existsSync("/etc/guarded") && readFileSync("/etc/guarded", "utf8") !== "", false);
    await sensors.kill();
    rmSync(pins, { recursive: true, force: true });
  });
});
