// SPDX-License-Identifier: Apache-2.0
// Commands that talk to a sensor, against the sensor's own interface over a socket. What policies do
// in a kernel is tested in virtual machines; here a list remembers them.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { createLogger, type Problem } from "@gander/base";
import { type CompiledHook, checkPolicy } from "@gander/policy";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createControlServer } from "../../sensor/src/control/control-server.ts";
import type { ControlledPolicies } from "../../sensor/src/control/policies.ts";
import { createEventPublisher } from "../../sensor/src/pipeline/event-publisher.ts";
import { noPolicyCounts } from "../../sensor/src/policy/counts/counters.ts";
import type { HookState, PolicyState } from "../../sensor/src/policy/index.ts";
import { ProcessTable } from "../../sensor/src/process/process-table.ts";
import { runCli } from "./cli.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gander-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const words = { meaning: "processes had no room", advice: "Limit them" };

const counters = {
  ...noPolicyCounts,
  hits: 1012n,
  filtered: 1000n,
  matched: 12n,
  emitted: 4n,
  ...{ suppressedRateLimit: 1n, suppressedBudget: 2n, suppressedNoPost: 3n },
  ...{ lostRing: 1n, lostMemory: 1n, unevaluated: 5n, missed: 7n },
  killed: 2n,
  signalled: 1n,
  denied: 3n,
  wouldKill: 5n,
  wouldSignal: 0n,
  wouldDeny: 6n,
  unknownPath: 8n,
};

function hookState({ path, kind, target, index }: CompiledHook): HookState {
  const attachments = [{ how: "LSM program", counters }];
  const selectors = [{ index: 0, label: "", counters }];
  return {
    path,
    kind,
    target,
    index,
    section: "kprobes",
    state: "loaded",
    error: "",
    attachments,
    selectors,
  };
}

/** Policies that are in force nowhere. */
function rememberPolicies(): ControlledPolicies {
  const all: PolicyState[] = [];
  const missing = (name: string): { problems: Problem[] } => ({
    problems: [
      {
        file: "",
        path: "",
        line: 0,
        column: 0,
        code: "policy-not-found",
        message: `Cannot find policy "${name}"`,
        hint: "",
        severity: "error",
      },
    ],
  });
  const change = async (name: string, over: Partial<PolicyState>) => {
    const index = all.findIndex((policy) => policy.name === name);
    const state = all[index];
    if (state === undefined) return missing(name);
    all[index] = { ...state, ...over };
    return { value: { ...state, ...over } };
  };
  return {
    list: () => all,
    add: async ({ compiled: { name, namespace, digest, mode, hooks } }, origin) => {
      if (name === "impossible") return missing(name);
      const state: PolicyState = {
        ...{ name, namespace, digest, mode, origin, counters, id: all.length + 1, revision: 1 },
        ...{ state: "enabled", error: "", hooks: hooks.map(hookState), kernelMemoryBytes: 4096 },
        findings: [],
        warnings: ["first \u001b[31mremark", "second"],
      };
      if (name === "unloadable") {
        all.push({ ...state, state: "load-error", error: "the kernel refused it" });
        return missing(name);
      }
      all.push(state);
      return { value: state };
    },
    remove: async ({ name }) => {
      const index = all.findIndex((policy) => policy.name === name);
      if (index < 0) return missing(name);
      all.splice(index, 1);
      return { value: undefined };
    },
    setEnabled: ({ name }, to) => change(name, { state: to }),
    setMode: ({ name }, to) => change(name, { mode: to }),
    rearm: ({ name }) => change(name, { fuse: { fuse: "5 pods in 1m", blownAt: "", spared: 0n } }),
  };
}

async function startSensor(path: string) {
  const publisher = createEventPublisher({ nodeName: "n", clusterName: "", nodeLabels: {} });
  const processes = new ProcessTable({
    nodeName: "n",
    maxEntries: 1024,
    wallTime: (seconds) => ({ seconds, nanos: 0 }),
  });
  const health = { running: true, details: "running" };
  const server = await createControlServer(
    {
      pipeline: { events: publisher, processes },
      policies: rememberPolicies(),
      check: checkPolicy,
      logLevel: { get: () => "info", set: () => {} },
      logger: createLogger({ write: () => {} }),
      health: () => health,
      eventCounters: () => ({
        faults: [{ ...words, name: "FAULT", count: "3" }],
        sessions: { announced: "5", matched: "4", unannounced: "1" },
        exec: { produced: "10", lost_ring_full: "2", lost_memory: "1" },
        exit: { produced: "9", lost_memory: "4" },
        readers: [{ name: "file", written: "11", dropped: "6", rate_limited: "0" }],
      }),
    },
    {
      listeners: [{ unix: path, access: "all" }],
      version: "1.2.3",
      probes: {},
      configuration: {},
      maxQueued: 100,
      filters: { withCredentials: false },
    },
  );
  return { publisher, health, server };
}

let sensor: Awaited<ReturnType<typeof startSensor>>;
let socket = "";
let number = 0;
beforeEach(async () => {
  socket = join(folder, `s${number++}.sock`);
  sensor = await startSensor(socket);
});
afterEach(() => sensor.server[Symbol.asyncDispose]());

function start(line: string, stdin = "") {
  const stop = new AbortController();
  const text = { out: "", err: "" };
  const stdout = new PassThrough().setEncoding("utf8").on("data", (chunk) => {
    text.out += chunk;
  });
  const stderr = new PassThrough().setEncoding("utf8").on("data", (chunk) => {
    text.err += chunk;
  });
  const input = Object.assign(Readable.from([stdin]), { isTTY: stdin === "" });
  const env = { GANDER_SERVER_ADDRESS: `unix://${socket}` };
  const io = { stdin: input, stdout, stderr, env, signal: stop.signal };
  const status = runCli(line.split(" "), io);
  return { text, status, stop: () => stop.abort() };
}

async function gander(line: string, stdin = "") {
  const { text, status } = start(line, stdin);
  const code = await status;
  await new Promise((resolve) => setImmediate(resolve));
  return { status: code, ...text };
}

const policy = (name: string): string => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: ${name} }
spec:
  kprobes:
    - call: security_file_permission
      syscall: false
      args: [{ index: 0, type: file }]
      selectors:
        - matchArgs: [{ index: 0, operator: Prefix, values: ["/etc/"] }]
          matchActions: [{ action: Sigkill }]
`;

describe("policies", () => {
  it("are added, listed, changed and deleted", async () => {
    const directory = mkdtempSync(join(folder, "policies-"));
    const file = join(directory, "one.yaml");
    writeFileSync(file, policy("one"));
    expect(await gander(`policy add ${directory} -`, policy("two"))).toEqual({
      status: 0,
      out: `${file}: added\n-: added\n`,
      err: "",
    });
    expect((await gander("tp set-mode one monitor")).out).toBe("one: mode monitor\n");
    expect((await gander("policy disable two")).out).toBe("two: disabled\n");
    const { out } = await gander("policy list");
    expect(out.split("\n").map((line) => line.trim())).toEqual([
      "NAME  NAMESPACE  DOMAIN  STATE     MODE     HITS  EVENTS  FILTERED  SUPPRESSED  LOST  UNJUDGED  UNKNOWN  ENFORCED  WOULD   MEMORY",
      "one   -          grpc    enabled   monitor  1012       4      1000           6     2        12        8         3      6  4.0 KiB",
      "two   -          grpc    disabled  enforce  1012       4      1000           6     2        12        8         3      6  4.0 KiB",
      "",
      "one: first \\x1b[31mremark",
      "one: second",
      "two: first \\x1b[31mremark",
      "two: second",
      "",
    ]);
    expect((await gander("policy enable two")).out).toBe("two: enabled\n");
    expect(await gander("policy delete one two three")).toMatchObject({
      status: 1,
      out: "one: deleted\ntwo: deleted\n",
      err: expect.stringContaining('Cannot find policy "three"'),
    });
    expect((await gander("policy list")).out).toBe(
      "No policies. Add one: gander policy add FILE\n",
    );
  });

  it("are listed as JSON with everything", async () => {
    await gander("policy add -", policy("one"));
    const listed = JSON.parse((await gander("policy list -o json")).out);
    expect(listed).toMatchObject([
      {
        name: "one",
        state: "TP_STATE_ENABLED",
        stats: { action_counters: { hits: "1012", signal: "3" } },
      },
    ]);
  });

  it("are refused with line and column, the others are added all the same", async () => {
    const bad = join(folder, "bad.yaml");
    writeFileSync(bad, policy("bad").replace("Prefix", "Prefx"));
    const { status, out, err } = await gander(`policy add ${bad} /nowhere.yaml -`, policy("good"));
    expect({ status, out }).toEqual({ status: 1, out: "-: added\n" });
    expect(err).toContain(`operator cannot be "Prefx"\n  --> ${bad}:10:45`);
    expect(err).toContain("Cannot read /nowhere.yaml");
  });

  it("name the file of what the sensor refuses", async () => {
    const { status, err } = await gander("policy add -", policy("impossible"));
    expect(status).toBe(1);
    expect(err).toBe('gander: standard input: Cannot find policy "impossible"\n');
  });

  it("say so if they stay listed though they are not in force", async () => {
    const { err } = await gander("policy add -", policy("unloadable"));
    expect(err).toContain("It stays listed as load_error until it is deleted or added again.");
  });
});

describe("status", () => {
  it("is 0 when ready, 1 when not", async () => {
    await gander("policy add -", policy("one"));
    expect(await gander("status")).toEqual({
      status: 0,
      out: [
        "ready: sensor 1.2.3",
        "running",
        "policies: 1 enabled",
        "not judged: 7 calls skipped by the kernel, 5 calls without memory to evaluate them, 8 filters decided without the fact they test (gander policy list shows which policies)",
        "events: 10 exec, 9 exit, 0 of policies",
        "lost in the kernel: 3 exec, 4 exit (2 ring full, 5 no memory)",
        "3 processes had no room. Limit them.",
        "sessions: 4 of a known user, 1 unannounced",
        "file: 11 written, 6 dropped",
        "",
      ].join("\n"),
      err: "",
    });
    Object.assign(sensor.health, { running: false, details: "a ring is gone" });
    const { status, out } = await gander("status -o json");
    expect(status).toBe(1);
    expect(JSON.parse(out)).toEqual({
      ready: false,
      details: "a ring is gone",
      version: "1.2.3",
      policies: { enabled: 1 },
      unjudged: { missed: 7, unevaluated: 5, unknown: 8 },
      events: {
        exec: { produced: 10, lostRingFull: 2, lostMemory: 1 },
        exit: { produced: 9, lostRingFull: 0, lostMemory: 4 },
        policy: { produced: 0, lostRingFull: 0, lostMemory: 0 },
        readers: { file: { written: 11, dropped: 6, rateLimited: 0 }, grpc: { dropped: 0 } },
        undecodable: 0,
        faults: [{ ...words, name: "FAULT", count: 3 }],
        sessions: {
          ...{ announced: 5, matched: 4, ambiguous: 0 },
          ...{ unannounced: 1, expired: 0, dropped: 0 },
        },
      },
    });
  });

  it("waits for a sensor that starts", async () => {
    await sensor.server[Symbol.asyncDispose]();
    const waiting = gander("status --wait 10s");
    await new Promise((resolve) => setTimeout(resolve, 300));
    sensor = await startSensor(socket);
    expect((await waiting).status).toBe(0);
  });

  it("tells a socket without a sensor behind it", async () => {
    const stale = join(folder, "stale.sock");
    await new Promise<void>((resolve) => {
      const server = createServer().listen(stale, () => {
        // Closed without a trace of the file being removed, as by SIGKILL.
        server.unref();
        chmodSync(stale, 0o600);
        resolve();
      });
      server.on("connection", (connection) => connection.destroy());
    });
    const { status, err } = await gander(`status --timeout 2s --server-address ${stale}`);
    expect(status).toBe(1);
    expect(err).toMatch(/nobody listens, or the sensor went away|did not answer in time/);
  });

  it("prints both versions", async () => {
    expect((await gander("version")).out).toMatch(/^gander \d+\.\d+\.\d+\nsensor 1\.2\.3\n$/);
  });
});

describe("events", () => {
  it.each([
    ["events -o compact", "🧬 lost    n 3 events were not sent\n"],
    ["getevents -F node_name", '"number_of_dropped_process_events":"3"'],
  ])("gander %s shows them until it is told to stop", async (line, expected) => {
    const running = start(line);
    await expect.poll(() => sensor.server.counters.readers).toBe(1);
    sensor.publisher.missing(3);
    await expect.poll(() => running.text.out).toContain(expected);
    running.stop();
    expect(await running.status).toBe(0);
    expect(running.text.err).toBe("");
    await expect.poll(() => sensor.server.counters.readers).toBe(0);
  });

  it("are refused with a filter that is wrong", async () => {
    const { status, err } = await gander("events --process (");
    expect(status).toBe(1);
    expect(err).toContain("allow_list[0].binary_regex[0]");
  });

  it("go on with the next sensor, if asked to reconnect", async () => {
    const running = start("events --reconnect -o compact");
    await expect.poll(() => sensor.server.counters.readers).toBe(1);
    await sensor.server[Symbol.asyncDispose]();
    await expect.poll(() => running.text.err).toContain("Trying again.");
    sensor = await startSensor(socket);
    await expect.poll(() => sensor.server.counters.readers, { timeout: 10_000 }).toBe(1);
    sensor.publisher.missing(3);
    await expect.poll(() => running.text.out).toContain("3 events were not sent");
    running.stop();
    expect(await running.status).toBe(0);
  });

  it("end with an error when the sensor goes away", async () => {
    const running = start("events");
    await expect.poll(() => sensor.server.counters.readers).toBe(1);
    await sensor.server[Symbol.asyncDispose]();
    expect(await running.status).toBe(1);
    expect(running.text.err).toContain("Is the sensor running?");
  });
});
