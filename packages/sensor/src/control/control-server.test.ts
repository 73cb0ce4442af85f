// SPDX-License-Identifier: Apache-2.0
// The client is built from the .proto files by the stock libraries; none of our code is in it.
import { lstatSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLogger, type LogLevel, type Problem } from "@gander/base";
import { checkPolicy } from "@gander/policy";
import {
  credentials,
  Client as GrpcClient,
  type GrpcObject,
  loadPackageDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createSensorEvent, type SensorEvent } from "../events/sensor-event.ts";
import { createEventPublisher } from "../pipeline/event-publisher.ts";
import { noPolicyCounts } from "../policy/counts/counters.ts";
import type { PolicyKey, PolicyState } from "../policy/policy-state.ts";
import { ProcessTable } from "../process/process-table.ts";
import { noWorkload } from "../workload/workload.ts";
import { type ControlServer, createControlServer } from "./control-server.ts";
import type { ControlledPolicies } from "./policies.ts";

// biome-ignore lint/suspicious/noExplicitAny: a client made at run time has no types
type Client = any;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gander-control-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const protoFolder = fileURLToPath(new URL("../../../proto/proto/", import.meta.url));

function createClient(path: string, service: "tetragon" | "health"): Client {
  const file = service === "tetragon" ? "tetragon/sensors.proto" : "grpc/health/v1/health.proto";
  const definition = loadSync(join(protoFolder, file), {
    includeDirs: [protoFolder],
    keepCase: true,
    longs: String,
    enums: String,
    oneofs: true,
    arrays: true,
  });
  const root = loadPackageDefinition(definition) as Client;
  const Service =
    service === "tetragon" ? root.tetragon.FineGuidanceSensors : root.grpc.health.v1.Health;
  return new Service(`unix://${path}`, credentials.createInsecure(), {
    "grpc.default_authority": "localhost",
  } satisfies GrpcObject | object);
}

const problem = (code: Problem["code"], message: string): Problem => ({
  file: "",
  path: "",
  line: 0,
  column: 0,
  code,
  message,
  hint: "",
  severity: "error",
});

/** Policies that are in force nowhere; their effect in a kernel is tested in the virtual machine. */
function createPolicies(): ControlledPolicies & { readonly all: PolicyState[] } {
  const all: PolicyState[] = [];
  const counters = {
    ...noPolicyCounts,
    ...{ hits: 12n, filtered: 7n, matched: 5n, emitted: 4n, suppressedRateLimit: 1n },
    ...{ killed: 2n, signalled: 1n, denied: 3n },
  };
  const find = (key: PolicyKey) =>
    all.findIndex(
      (policy) =>
        policy.name === key.name &&
        policy.origin === key.origin &&
        policy.namespace === key.namespace,
    );
  const change = async (key: PolicyKey, over: Partial<PolicyState>) => {
    const index = find(key);
    const state = all[index];
    if (state === undefined)
      return { problems: [problem("policy-not-found", `there is no policy ${key.name}`)] };
    all[index] = { ...state, ...over };
    return { value: all[index] as PolicyState };
  };
  return {
    all,
    list: () => all,
    async add({ compiled }, origin) {
      const hooks = compiled.hooks.map(({ path, kind, target, index }) => ({
        path,
        kind,
        target,
        index,
        section: "kprobes",
        state: "loaded" as const,
        error: "",
        attachments: [{ how: "LSM program", counters }],
        selectors: [{ index: 0, label: "", counters }],
      }));
      const state = {
        name: compiled.name,
        namespace: compiled.namespace,
        origin,
        id: all.length + 1,
        revision: 1,
        digest: compiled.digest,
        state: "enabled" as const,
        mode: compiled.mode,
        error: "",
        warnings: [],
        findings: [],
        hooks,
        counters,
        kernelMemoryBytes: 4096,
      };
      all.push(state);
      return { value: state };
    },
    async remove(key) {
      const index = find(key);
      if (index < 0)
        return { problems: [problem("policy-not-found", `there is no policy ${key.name}`)] };
      all.splice(index, 1);
      return { value: undefined };
    },
    setEnabled: (key, to) => change(key, { state: to }),
    setMode: (key, to) => change(key, { mode: to }),
    rearm: (key) => change(key, { fuse: { fuse: "5 pods in 1m", blownAt: "", spared: 0n } }),
  };
}

const yaml = (operator = "Prefix") => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: watch
spec:
  kprobes:
  - call: security_file_permission
    syscall: false
    args:
    - index: 0
      type: file
    selectors:
    - matchArgs:
      - index: 0
        operator: ${operator}
        values: ["/etc/"]
`;

function createProcesses() {
  const table = new ProcessTable({
    nodeName: "n",
    maxEntries: 1024,
    wallTime: (low) => ({ seconds: low, nanos: 1 }),
  });
  const image = (pid: number, binary: string) => ({
    pid,
    startLow: pid,
    startHigh: 0,
    uid: 0,
    auid: 0,
    cwd: "/",
    binary,
    arguments: "",
    flags: 1,
    workload: noWorkload,
  });
  const parent = table.add(image(10, "/bin/sh"), { pid: 0, startLow: 0, startHigh: 0 });
  const child = table.add(image(11, "/bin/ls"), parent);
  return { table, parent, child };
}

async function startServer(name: string) {
  const path = join(folder, `${name}.sock`);
  const publisher = createEventPublisher({ nodeName: "n", clusterName: "", nodeLabels: {} });
  const processes = createProcesses();
  const policies = createPolicies();
  let level: LogLevel = "info";
  let running = true;
  const server = await createControlServer(
    {
      pipeline: { events: publisher, processes: processes.table },
      policies,
      check: checkPolicy,
      logLevel: {
        get: () => level,
        set: (to) => {
          level = to;
        },
      },
      logger: createLogger({ write: () => {} }),
      health: () => ({ running, details: running ? "running" : "a ring is gone" }),
      eventCounters: () => ({ exec: { produced: "7" } }),
    },
    {
      listeners: [{ unix: path, access: "all" }],
      version: "v1.2.3",
      probes: { lsm: true, fentry: false },
      configuration: { "rb-size": "8" },
      maxQueued: 100,
      filters: { withCredentials: false },
    },
  );
  return {
    path,
    publisher,
    processes,
    policies,
    server,
    stop: () => {
      running = false;
    },
    level: () => level,
  };
}

let server: Awaited<ReturnType<typeof startServer>>;
let client: Client;
let number = 0;
beforeEach(async () => {
  server = await startServer(`s${number++}`);
  client = createClient(server.path, "tetragon");
});
afterEach(async () => {
  client.close();
  await server.server[Symbol.asyncDispose]();
});

const call = (method: string, request: object = {}): Promise<Client> =>
  new Promise((resolve, reject) =>
    client[method](
      request,
      { deadline: Date.now() + 5_000 },
      (error: Error | null, response: Client) =>
        error === null ? resolve(response) : reject(error),
    ),
  );

/** Opens a stream and waits until the server has it. */
async function openStream(request: object = {}) {
  const stream = client.GetEvents(request);
  const received: Client[] = [];
  const errors: Client[] = [];
  stream.on("data", (message: Client) => received.push(message));
  stream.on("error", (error: Client) => errors.push(error));
  await new Promise((resolve) => {
    stream.on("metadata", resolve);
    stream.on("error", resolve);
  });
  const until = async (count: number) => {
    for (let i = 0; i < 200 && received.length < count; i++)
      await new Promise((r) => setTimeout(r, 10));
    return received;
  };
  return { stream, received, errors, until };
}

const event = (kind: SensorEvent["kind"] = 1): SensorEvent => {
  const { child, parent } = server.processes;
  return {
    ...createSensorEvent(),
    kind,
    seconds: 5,
    nanos: 7,
    process: child,
    parent,
    tid: 12,
    status: 3,
  };
};

describe("calls of a stock client", () => {
  it("GetVersion, GetInfo, GetHealth, ListDomains", async () => {
    expect(await call("GetVersion")).toEqual({ version: "v1.2.3" });
    const info = await call("GetInfo");
    expect(info).toMatchObject({
      version: "v1.2.3",
      name: "gander",
      probes: [
        { Name: "lsm", Enabled: { value: true } },
        { Name: "fentry", Enabled: {} },
      ],
    });
    expect(info.conf[0]).toMatchObject({
      key: "rb-size",
      value: { type_url: "type.googleapis.com/google.protobuf.StringValue" },
    });
    expect((await call("ListDomains")).domains).toEqual(["grpc", "static", "operator"]);
    const health = () => call("GetHealth", { event_set: ["HEALTH_STATUS_TYPE_STATUS"] });
    expect(await health()).toEqual({
      health_status: [
        { event: "HEALTH_STATUS_TYPE_STATUS", status: "HEALTH_STATUS_RUNNING", details: "running" },
      ],
      event_counters: { exec: { produced: "7" }, readers: [{ name: "grpc" }], faults: [] },
    });
    server.stop();
    expect((await health()).health_status[0]).toMatchObject({
      status: "HEALTH_STATUS_ERROR",
      details: "a ring is gone",
    });
  });

  it("the standard health service", async () => {
    const health = createClient(server.path, "health");
    const check = () =>
      new Promise((resolve, reject) =>
        health.Check({}, (error: Error | null, answer: object) =>
          error ? reject(error) : resolve(answer),
        ),
      );
    expect(await check()).toEqual({ status: "SERVING" });
    server.stop();
    expect(await check()).toEqual({ status: "NOT_SERVING" });
    health.close();
  });

  it("policies: add, list, mode, disable, delete", async () => {
    await call("AddTracingPolicy", { yaml: yaml() });
    const list = async () => (await call("ListTracingPolicies")).policies;
    const [policy] = await list();
    expect(policy).toMatchObject({
      name: "watch",
      state: "TP_STATE_ENABLED",
      mode: "TP_MODE_MONITOR_ONLY",
      domain: "grpc",
      enabled: true,
      kernel_memory_bytes: "4096",
      sensors: ["generic_kprobe"],
      // The killed calls were overridden, too; clients add up both.
      stats: { action_counters: { post: "4", signal: "3" } },
      hook_statuses: [
        {
          section: "kprobes",
          state: "STATUS_LOADED",
          hook_description: "security_file_permission: LSM program",
        },
      ],
    });
    expect(policy.stats.selector_action_counters[0]).toMatchObject({
      hook: "security_file_permission",
      hook_index: {},
      selector_index: {},
    });
    await call("ConfigureTracingPolicy", { name: "watch", mode: "TP_MODE_MONITOR", enable: false });
    expect((await list())[0]).toMatchObject({
      mode: "TP_MODE_MONITOR",
      state: "TP_STATE_DISABLED",
    });
    await call("EnableTracingPolicy", { name: "watch" });
    expect((await list())[0].state).toBe("TP_STATE_ENABLED");
    await call("DisableTracingPolicy", { name: "watch", domain: "grpc" });
    expect((await list())[0].state).toBe("TP_STATE_DISABLED");
    expect((await call("ListTracingPolicies", { domain: "static" })).policies).toEqual([]);
    await call("DeleteTracingPolicy", { name: "watch" });
    expect(await list()).toEqual([]);
  });

  it.each([
    ["AddTracingPolicy", { yaml: yaml("Prefx") }, 3, /15:19: .*Prefx/],
    ["AddTracingPolicy", { yaml: "" }, 3, /polic/],
    ["AddTracingPolicy", { yaml: yaml(), domain: "static" }, 3, /^3 INVALID_ARGUMENT: domain/],
    ["DeleteTracingPolicy", { name: "nowhere" }, 5, /no policy nowhere/],
    ["DeleteTracingPolicy", {}, 3, /name/],
    ["DeleteTracingPolicy", { name: "x", domain: "y" }, 3, /"y" is none of grpc, static/],
    ["ConfigureTracingPolicy", { name: "x" }, 3, /give enable, mode or rearm_fuse/],
    [
      "ConfigureTracingPolicy",
      { name: "x", mode: "TP_MODE_MONITOR_ONLY" },
      3,
      /TP_MODE_ENFORCE or/,
    ],
    ["ListTracingPolicies", { domain: "y" }, 3, /domain/],
    ["ListSensors", {}, 12, /deprecated/],
    ["EnableSensor", {}, 12, /deprecated/],
    ["DisableSensor", {}, 12, /deprecated/],
    ["RemoveSensor", {}, 12, /deprecated/],
    ["RuntimeHook", {}, 12, /RuntimeHook/],
    ["SetDebug", { flag: "CONFIG_FLAG_DUMP_PROCESS_CACHE" }, 12, /cannot be set/],
    ["SetDebug", {}, 3, /level/],
  ])("%s %j is refused with status %d", async (method, request, code, message) => {
    await expect(call(method, request)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it("the level of the logs and the process table", async () => {
    expect(await call("GetDebug")).toMatchObject({ level: "LOG_LEVEL_INFO" });
    expect(await call("SetDebug", { level: "LOG_LEVEL_TRACE" })).toMatchObject({
      level: "LOG_LEVEL_DEBUG",
    });
    expect(server.level()).toBe("debug");
    const dump = { flag: "CONFIG_FLAG_DUMP_PROCESS_CACHE", dump: {} };
    const { processes } = (await call("GetDebug", dump)).processes;
    expect(processes.map(({ process }: Client) => process.binary).sort()).toEqual([
      "/bin/ls",
      "/bin/sh",
      "<kernel>",
    ]);
    const shell = processes.find(({ process }: Client) => process.binary === "/bin/sh");
    expect(shell).toMatchObject({
      color: "alive",
      refcnt: { value: 2 },
      refcnt_ops: { process: 1, children: 1 },
    });
  });
});

describe("GetEvents", () => {
  it("brings events as they are published, to every reader", async () => {
    const streams = [await openStream(), await openStream()];
    server.publisher.publish(event());
    server.publisher.publish(event(5));
    for (const { until, stream } of streams) {
      const [exec, exit] = await until(2);
      expect(exec).toMatchObject({
        event: "process_exec",
        node_name: "n",
        time: { seconds: "5", nanos: 7 },
      });
      expect(exec.process_exec.process).toMatchObject({
        binary: "/bin/ls",
        pid: { value: 11 },
        tid: { value: 12 },
      });
      expect(exec.process_exec.parent).toMatchObject({
        binary: "/bin/sh",
        start_time: { seconds: "10", nanos: 1 },
      });
      expect(exit.process_exit).toMatchObject({ status: 3, time: { seconds: "5" } });
      stream.cancel();
    }
    for (let i = 0; i < 100 && server.server.counters.readers > 0; i++)
      await new Promise((r) => setTimeout(r, 10));
    expect(server.server.counters.readers).toBe(0);
    expect(server.publisher.messageConsumers()).toBe(0);
  });

  it("respects filters and field filters", async () => {
    const allowed = await openStream({
      allow_list: [{ event_set: ["PROCESS_EXIT"] }],
      deny_list: [{ pid: [10] }],
    });
    const cut = await openStream({ field_filters: [{ fields: { paths: ["process.binary"] } }] });
    const none = await openStream({ deny_list: [{ binary_regex: ["ls$"] }] });
    server.publisher.publish(event(1));
    server.publisher.publish(event(5));
    expect((await allowed.until(1)).map((message) => message.event)).toEqual(["process_exit"]);
    const [exec] = await cut.until(2);
    expect(exec.process_exec.process.binary).toBe("/bin/ls");
    expect(exec.process_exec.parent).toBeUndefined();
    expect(cut.received[0].process_exec.process.exec_id).toBeUndefined();
    expect(none.received).toEqual([]);
    for (const { stream } of [allowed, cut, none]) stream.cancel();
  });

  it("refuses filters that cannot be, all problems at once", async () => {
    const { errors } = await openStream({
      allow_list: [{ binary_regex: ["("] }, { cel_expression: ["process_exec.process.pdi == 1"] }],
      field_filters: [{ fields: { paths: ["process.pdi"] } }],
    });
    expect(errors[0]).toMatchObject({ code: 3 });
    expect(errors[0].details).toContain("allow_list[0].binary_regex[0]: ");
    expect(errors[0].details).toContain("allow_list[1].cel_expression[0]: 1:22: No such key: pdi");
    expect(errors[0].details).toContain(
      'field_filters[0].fields: these events have no field "process.pdi"',
    );
  });

  it("refuses a filter that is newer than the sensor, and does not pass it over", async () => {
    const raw = new GrpcClient(`unix://${server.path}`, credentials.createInsecure());
    const same = (bytes: Buffer) => bytes;
    // deny_list { 100: "A" }
    const request = Buffer.from([0x12, 4, 0xa2, 0x06, 1, 65]);
    const path = "/tetragon.FineGuidanceSensors/GetEvents";
    const stream = raw.makeServerStreamRequest(path, same, same, request);
    const error = await new Promise<ServiceError>((resolve) => stream.once("error", resolve));
    expect(error).toMatchObject({ code: 3, details: expect.stringContaining("deny_list.100: ") });
    raw.close();
  });

  it("refuses more readers than it has memory for", async () => {
    const streams = [];
    for (let i = 0; i < 128; i++) streams.push(await openStream());
    const { errors } = await openStream();
    expect(errors[0]).toMatchObject({ code: 8, details: expect.stringContaining("128 readers") });
    expect(server.server.counters.readers).toBe(128);
    for (const { stream } of streams) stream.cancel();
  });

  it("is bounded for a reader that does not read, and tells it what it missed", async () => {
    const { stream, received, until } = await openStream();
    const fast = await openStream();
    stream.pause();
    let sent = 0;
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 50; i++, sent++) server.publisher.publish(event());
      await new Promise((resolve) => setImmediate(resolve));
    }
    await fast.until(1);
    stream.resume();
    for (let i = 0; i < 300; i++) {
      await new Promise((r) => setTimeout(r, 10));
      server.publisher.publish(event(5));
      sent++;
      if (received.some((message) => message.event === "process_exit")) break;
    }
    await until(sent);
    const missing = received.reduce(
      (sum, { rate_limit_info }) =>
        sum + Number(rate_limit_info?.number_of_dropped_process_events ?? 0),
      0,
    );
    const seen = received.filter((message) => message.event !== "rate_limit_info").length;
    expect(missing).toBeGreaterThan(0);
    expect(seen + missing).toBe(sent);
    for (const reader of [stream, fast.stream]) reader.cancel();
  });
});

describe("the socket", () => {
  it("is for its owner alone, and leaves nothing behind", async () => {
    expect(statSync(server.path).mode & 0o777).toBe(0o600);
    const other = await startServer("other");
    await other.server[Symbol.asyncDispose]();
    expect(
      readdirSync(folder).filter((name) => name.startsWith("other") || name.startsWith(".new-")),
    ).toEqual([]);
  });

  it("replaces a socket that a killed sensor left, but not one in use", async () => {
    const path = join(folder, "stale.sock");
    const first = createServer().listen(path);
    await new Promise((resolve) => first.once("listening", resolve));
    await expect(startServer("stale")).rejects.toThrow(/another process/);
    first.close();
    writeFileSync(path, "");
    const { server: second } = await startServer("stale");
    expect(lstatSync(path).isSocket()).toBe(true);
    await (second as ControlServer)[Symbol.asyncDispose]();
  });
});
