// SPDX-License-Identifier: Apache-2.0
// What a sensor leaves behind, and how the next one handles it.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

const BPF = "/sys/fs/bpf/lifetime";
const STATE = "/run/lifetime";
const POLICIES = `${STATE}/policies`;
const SOCKET = `${STATE}/gander.sock`;
const VICTIM = "/etc/lifetime";

const policy = (path: string): string => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: no-writes }
spec:
  kprobes:
    - call: security_file_permission
      syscall: false
      args: [{ index: 0, type: file }, { index: 1, type: int }]
      selectors:
        - matchArgs:
            - { index: 0, operator: Prefix, values: ["${path}"] }
            - { index: 1, operator: Equal, values: ["2"] }
          matchActions: [{ action: Sigkill }]
`;

type Line = { readonly level: string; readonly message: string; readonly policy?: string };

class Sensor {
  readonly process: ChildProcess;
  #log = "";
  constructor(...flags: readonly string[]) {
    const own = ["--bpf-dir", BPF, "--state-dir", STATE, "--server-address", `unix://${SOCKET}`];
    this.process = spawn("gander", ["run", "--policies", POLICIES, ...own, ...flags], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
  }
  get text(): string {
    return this.#log;
  }
  /** The log's lines so far. */
  lines(): readonly Line[] {
    return this.#log
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
  }
  said(message: string): boolean {
    return this.lines().some((line) => line.message === message);
  }
  async ready(): Promise<this> {
    for (let i = 0; i < 2400; i++) {
      if (this.said("Sensor is ready")) return this;
      if (this.process.exitCode !== null) break;
      await sleep(100);
    }
    throw new Error(`not ready:\n${this.#log}`);
  }
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const { exitCode, signalCode } = this.process;
    // "close" is emitted when the log has been read to its end; "exit" may precede it.
    if (exitCode !== null || signalCode !== null) return exitCode;
    this.process.kill(signal);
    const [code] = await once(this.process, "close");
    return code;
  }
}

/** Tries a forbidden write: returns its status, and the file's content. */
function attack(): { status: number | null; signal: string | null; content: string } {
  const { status, signal } = spawnSync("bash", ["-c", `echo x >> ${VICTIM}`]);
  return { status, signal, content: readFileSync(VICTIM, "utf8") };
}

const STOPPED = { status: null, signal: "SIGKILL", content: "" };
const pins = (): readonly string[] => (existsSync(BPF) ? readdirSync(BPF) : []);

describe("life of a sensor", { timeout: 1_200_000 }, () => {
  let sensor: Sensor | undefined;
  beforeEach(() => {
    mkdirSync(POLICIES, { recursive: true });
    writeFileSync(VICTIM, "");
    writeFileSync(`${POLICIES}/p.yaml`, policy(VICTIM));
  });
  afterEach(async () => {
    await sensor?.end("SIGKILL");
    // As in docs/troubleshooting.md: everything without a pin is unloaded.
    spawnSync("rm", ["-r", BPF]);
    rmSync(STATE, { recursive: true, force: true });
    // The kernel releases unpinned objects in work of its own, a moment later.
    for (let i = 0; i < 100 && attack().signal !== null; i++) await sleep(100);
    assert.equal(attack().status, 0, "something is still enforced");
  });

  test("a clean stop takes everything away, and says so", async () => {
    sensor = await new Sensor().ready();
    assert.deepEqual(attack(), STOPPED);
    assert.equal(spawnSync("gander", ["status", "--server-address", SOCKET]).status, 0);
    assert.equal(await sensor.end("SIGTERM"), 0);
    assert.ok(sensor.said("Sensor has stopped; nothing is enforced any more"), sensor.text);
    assert.deepEqual(pins(), []);
    assert.equal(attack().content, "x\n");
    assert.equal(existsSync(SOCKET), false);
  });

  test("asked to keep it, enforcement stays, and the next sensor takes over", async () => {
    sensor = await new Sensor("--keep-sensors-on-exit").ready();
    assert.equal(await sensor.end("SIGTERM"), 0);
    assert.ok(sensor.said("Sensor has stopped; enforcement stays in the kernel"), sensor.text);
    assert.deepEqual(attack(), STOPPED);
    sensor = await new Sensor().ready();
    assert.ok(sensor.said("Policy of the earlier sensor stays in force"), sensor.text);
    assert.deepEqual(attack(), STOPPED);
    await sensor.end("SIGTERM");
    assert.equal(attack().content, "x\n");
  });

  test("killed, with the policy's file broken meanwhile: it stays in force", async () => {
    sensor = await new Sensor().ready();
    await sensor.end("SIGKILL");
    assert.deepEqual(attack(), STOPPED);
    writeFileSync(`${POLICIES}/p.yaml`, "kind: [");
    sensor = await new Sensor().ready();
    assert.ok(sensor.said("Policy file is broken"), sensor.text);
    assert.deepEqual(attack(), STOPPED);
    writeFileSync(`${POLICIES}/p.yaml`, policy("/elsewhere/"));
    for (let i = 0; i < 100 && attack().signal !== null; i++) await sleep(100);
    assert.equal(attack().status, 0);
  });

  test("killed, with the policy's file removed meanwhile: it goes", async () => {
    sensor = await new Sensor().ready();
    await sensor.end("SIGKILL");
    rmSync(`${POLICIES}/p.yaml`);
    sensor = await new Sensor().ready();
    assert.ok(sensor.said("Policy was taken out of force"), sensor.text);
    assert.equal(attack().content, "x\n");
  });

  test("a second sensor is refused, and disturbs nothing", async () => {
    sensor = await new Sensor().ready();
    const second = new Sensor();
    const [code] = await once(second.process, "close");
    assert.equal(code, 1);
    assert.match(second.text, new RegExp(`process ${sensor.process.pid} is already the sensor`));
    assert.deepEqual(attack(), STOPPED);
    assert.equal(spawnSync("gander", ["status", "--server-address", SOCKET]).status, 0);
  });

  test("a start that fails leaves in force what it found", async () => {
    sensor = await new Sensor().ready();
    await sensor.end("SIGKILL");
    // Another process listens at the sensor's socket.
    rmSync(SOCKET, { force: true });
    await using other = createServer().listen(SOCKET);
    const failed = new Sensor();
    const [code] = await once(failed.process, "close");
    assert.equal(code, 1);
    assert.match(failed.text, /another process already listens there/);
    assert.equal(other.listening, true);
    assert.deepEqual(attack(), STOPPED);
  });

  test("a broken single policy keeps it from starting, before anything is touched", async () => {
    writeFileSync(`${STATE}/single.yaml`, "kind: [");
    const refused = new Sensor(
      "--tracing-policy",
      `${STATE}/single.yaml`,
      "--tracing-policy",
      "/nowhere.yaml",
    );
    const [code] = await once(refused.process, "close");
    assert.equal(code, 1);
    assert.match(refused.text, /nowhere\.yaml: there is no such file.*single\.yaml:1:/s);
    assert.deepEqual(pins(), []);
  });
});
