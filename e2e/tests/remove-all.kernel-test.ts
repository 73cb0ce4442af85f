// SPDX-License-Identifier: Apache-2.0
// What uninstalling does on a node: a sensor is started in the place of another, and removes all that is left.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { run } from "./lib/attack.ts";
import { Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const state = "/run/remove-all-test";
const probes = "127.0.0.1:6790";
const flags = ["--state-dir", state, "--health-server-address", probes, "--keep-sensors-on-exit"];

const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: guard }
spec:
  kprobes:
    - call: security_file_permission
      syscall: false
      args: [{ index: 0, type: file }, { index: 1, type: int }]
      selectors:
        - matchArgs:
            - { index: 0, operator: Prefix, values: [/etc/remove-all] }
            - { index: 1, operator: Equal, values: ["2"] }
          matchActions: [{ action: Override, argError: -1 }]
`;

async function probe(path: string): Promise<string> {
  try {
    const answer = await fetch(`http://${probes}${path}`);
    return `${answer.status} ${await answer.text()}`;
  } catch {
    return "nothing listens";
  }
}
const write = () => run("bash", ["-c", "echo x >> /etc/remove-all-file"]).status;

describe("a sensor that removes everything", () => {
  let sensor: Sensor;
  before(async () => {
    sensor = await Sensor.start({ policies: { "guard.yaml": policy }, flags });
    // As an operator's last version lies there.
    mkdirSync(`${state}/operator/policies`, { recursive: true });
    writeFileSync(`${state}/operator/bundle`, "");
  });
  after(async () => sensor?.stop());

  test("takes the place of one that answers probes and enforces", async () => {
    assert.equal(await probe("/healthz"), "200 ok\n");
    assert.equal(await probe("/readyz"), "200 ok\n");
    assert.notEqual(write(), 0);
    assert.equal(await sensor.stop(), 0);
    assert.equal(await probe("/healthz"), "nothing listens");
    assert.notEqual(write(), 0, "the stopped sensor has left enforcement");
  });

  test("is ready when nothing is left, and leaves nothing", async () => {
    const removing = new URL("file:///run/gander-acceptance/removing.log");
    assert.ok(existsSync("/sys/fs/bpf/gander"));
    const { spawn } = await import("node:child_process");
    const child = spawn("gander", ["run", ...flags, "--remove-all"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let log = "";
    child.stderr.on("data", (chunk) => {
      log += chunk;
      writeFileSync(removing, log);
    });
    await waitUntil("it is ready", async () => (await probe("/readyz")) === "200 ok\n", 180_000);
    assert.equal(write(), 0, log);
    assert.equal(readFileSync("/etc/remove-all-file", "utf8"), "x\n");
    assert.equal(existsSync(`${state}/operator`), false);
    assert.equal(existsSync(`${state}/gander.manifest`), false);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    assert.equal(await ended, 0, log);
    assert.equal(existsSync("/sys/fs/bpf/gander"), false);
    assert.equal(write(), 0);
  });

  test("waits to be stopped without probes to answer, too", async () => {
    const { spawn } = await import("node:child_process");
    const child = spawn("gander", ["run", "--state-dir", state, "--remove-all"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let log = "";
    let exited = false;
    const ended = new Promise((resolve) => child.once("exit", resolve)).finally(() => {
      exited = true;
    });
    child.stderr.on("data", (chunk) => {
      log += chunk;
    });
    await waitUntil("it is done", async () => log.includes("was removed"), 180_000);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    assert.equal(exited, false, log);
    child.kill("SIGTERM");
    assert.equal(await ended, 0, log);
    assert.doesNotMatch(log, /Warning/);
  });
});
