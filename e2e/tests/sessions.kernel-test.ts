// SPDX-License-Identifier: Apache-2.0
// Who started a command in a container: real processes that enter real namespaces and cgroups as a runtime's
// do, a real sensor, and the operator's half of the stream.
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { SessionAnnouncement } from "@gander/proto/stream";
import type { ExportedProcess, ExportedSession } from "./lib/exported-event.ts";
import { Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";
import { authority, TestOperator } from "./operator-stream/test-operator.ts";

const home = "/run/sessions-test";
const uid = "0b5c2d3e-1111-4222-8333-444455556666";
const id = "5".repeat(64);
const slice = "/sys/fs/cgroup/kubepods.slice";
const pod = `${slice}/kubepods-pod${uid.replaceAll("-", "_")}.slice`;
const container = `${pod}/cri-containerd-${id}.scope`;

/** Enters the container's cgroup and runs a program there: a runtime before its last forks, or as its last step. */
const join = (how: "fork" | "exec", command: readonly string[]) => {
  const enter = `echo 0 > ${container}/cgroup.procs`;
  const run = how === "exec" ? 'exec "$@"' : '"$@"; exit $?';
  return ["bash", "-c", `${enter} && { ${run}; }`, "runtime", ...command];
};

/** The first process of the container, in a pid namespace of its own. */
class FakeContainer {
  readonly #child: ChildProcess;

  constructor() {
    const namespace = ["unshare", "--pid", "--fork", "--kill-child", "sleep", "100000"];
    const [program = "", ...argv] = join("exec", namespace);
    this.#child = spawn(program, argv);
  }

  /** Of its first process, outside of its namespace. */
  async pid(): Promise<string> {
    return waitUntil("the container has started", () => {
      const pids = readFileSync(`${container}/cgroup.procs`, "utf8").trim().split("\n");
      return pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("sleep\0"));
    });
  }

  /** A command in the container, as `kubectl exec` makes the runtime start it. */
  async exec(...command: readonly string[]): Promise<string> {
    return this.#run(["nsenter", "--target", await this.pid(), "--pid", ...join("exec", command)]);
  }

  /** The same by a runtime that joins the cgroup first, and forks into the namespace afterwards. */
  async execLikeRunc(...command: readonly string[]): Promise<string> {
    const target = ["--target", await this.pid(), "--pid"];
    return this.#run(join("fork", ["nsenter", ...target, ...command]));
  }

  #run([program = "", ...argv]: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(program, argv, (error, output) => (error ? reject(error) : resolve(output)));
    });
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await waitUntil("the container is empty", () => {
      try {
        rmdirSync(container);
        return true;
      } catch {
        return false;
      }
    });
  }
}

describe("sessions in a container", { timeout: 1_200_000 }, () => {
  let operator: TestOperator;
  let sensor: Sensor;
  let running: FakeContainer;
  let scripts = 0;

  before(async () => {
    mkdirSync(`${home}/bundles/${id}`, { recursive: true });
    mkdirSync(container, { recursive: true });
    const annotations = {
      "io.kubernetes.cri.container-type": "container",
      "io.kubernetes.cri.container-name": "main",
    };
    writeFileSync(`${home}/bundles/${id}/config.json`, JSON.stringify({ annotations }));
    writeFileSync(`${home}/ca.crt`, authority.certificate);
    writeFileSync(`${home}/token`, "token-a");
    operator = await new TestOperator().start();
    await operator.putPod(uid, "shop");
    sensor = await Sensor.start({
      flags: [
        ...["--operator", `127.0.0.1:${operator.port}`, "--operator-ca", `${home}/ca.crt`],
        ...["--operator-token", `${home}/token`, "--node-name", "a"],
        ...["--operator-server-name", "gander-operator", "--state-dir", `${home}/state`],
        ...["--container-configurations", `${home}/bundles/ID/config.json`],
      ],
    });
    await waitUntil("the sensor is connected", () => operator.hub.session("a")?.isLive === true);
    running = new FakeContainer();
    await running.pid();
    // Only then a command without an announcement means anything.
    await sleep(6_000);
  });
  after(async () => {
    await running?.end();
    await sensor?.[Symbol.asyncDispose]();
    await operator?.[Symbol.asyncDispose]();
    rmdirSync(pod);
    rmSync(home, { recursive: true, force: true });
  });

  /** Another command each time, so that its events are found; it starts /bin/true as a child. */
  const script = () => `/bin/true ${++scripts}; true`;
  /** Returns when the sensor has it: a kubelet, too, is asked later than the operator. */
  const announce = async (user: string, text: string) => {
    const announcement: SessionAnnouncement = {
      ...{ kind: "exec", pod: uid, container: "main", command: ["sh", "-c", text] },
      ...{ user, groups: ["devs"], request_uid: `for ${user}` },
    };
    assert.equal(operator.hub.session("a")?.announce(announcement), "sent");
    await sleep(1_000);
  };

  /** Processes that ran this script, and those that it started. */
  async function processes(text: string, count = 1) {
    const number = /\d+/.exec(text)?.[0];
    const all = (): ExportedProcess[] =>
      sensor.events().flatMap(({ process_exec }) => process_exec?.process ?? []);
    const shells = () => all().filter((one) => one.arguments === `-c "${text}"`);
    const children = () =>
      all().filter((one) => one.binary === "/bin/true" && one.arguments === number);
    await waitUntil(
      `the events of ${text}`,
      () => shells().length >= count && children().length >= count,
    );
    return { shells: shells(), children: children() };
  }

  const expected = (user: string): ExportedSession => ({
    ...{ kind: "exec", user, groups: ["devs"], request_uid: `for ${user}` },
  });

  test("show the user at the command and at all that it starts", async () => {
    const text = script();
    await announce("alice", text);
    await running.exec("sh", "-c", text);
    const { shells, children } = await processes(text);
    assert.deepEqual(shells[0]?.session, expected("alice"));
    assert.deepEqual(children[0]?.session, expected("alice"));
  });

  test("show the user behind a runtime that forks in the container's cgroup", async () => {
    const text = script();
    await announce("frank", text);
    await running.execLikeRunc("sh", "-c", text);
    const { shells, children } = await processes(text);
    assert.deepEqual(shells[0]?.session, expected("frank"));
    assert.deepEqual(children[0]?.session, expected("frank"));
    const other = script();
    await running.execLikeRunc("sh", "-c", other);
    const { shells: unknown } = await processes(other);
    assert.deepEqual(unknown[0]?.session, { kind: "exec", unannounced: true });
  });

  test("show both users who requested the same command at once", async () => {
    const text = script();
    for (const user of ["alice", "bob"]) await announce(user, text);
    await Promise.all([running.exec("sh", "-c", text), running.exec("sh", "-c", text)]);
    const { shells, children } = await processes(text, 2);
    const candidates = [expected("alice"), expected("bob")];
    for (const { session } of [...shells, ...children])
      assert.deepEqual(session, { kind: "exec", candidates });
  });

  test("show that nobody announced them", async () => {
    const text = script();
    await running.exec("sh", "-c", text);
    const { shells, children } = await processes(text);
    for (const { session } of [...shells, ...children])
      assert.deepEqual(session, { kind: "exec", unannounced: true });
  });

  test("show who it was once a late announcement has arrived", async () => {
    const text = `sleep 5; ${script()}`;
    const ended = running.exec("sh", "-c", text);
    const shells = () =>
      sensor
        .events()
        .filter(({ process_exec }) => process_exec?.process.arguments === `-c "${text}"`);
    await waitUntil("the command has begun", () => shells().length > 0);
    await announce("carol", text);
    await ended;
    const number = String(scripts);
    const child = await sensor.event(
      "the child of the late session",
      ({ process_exec }) =>
        process_exec?.process.binary === "/bin/true" && process_exec.process.arguments === number,
    );
    assert.deepEqual(child.process_exec?.process.session, expected("carol"));
  });

  test("are not what the container itself starts", async () => {
    const own = sensor
      .events()
      .flatMap(({ process_exec }) => process_exec?.process ?? [])
      .find(({ binary, arguments: text }) => binary.endsWith("/sleep") && text === "100000");
    assert.ok(own);
    assert.equal(own.session, undefined);
  });

  test("are found by gander events --user", async () => {
    const client = spawn("gander", ["events", "--user", "dora"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    client.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    try {
      // The client says nothing when it is connected: commands are started until it shows one.
      await waitUntil(
        "the client shows a session",
        async () => {
          const others = script();
          await announce("eve", others);
          await running.exec("sh", "-c", others);
          const text = script();
          await announce("dora", text);
          await running.exec("sh", "-c", text);
          return output.includes("\n");
        },
        300_000,
      );
    } finally {
      const closed = once(client, "close");
      client.kill("SIGTERM");
      await closed;
    }
    const lines = output.split("\n").slice(0, -1);
    assert.ok(lines.length > 0);
    for (const line of lines) assert.match(line, /"session":\{"kind":"exec","user":"dora"/);
  });
});
