// SPDX-License-Identifier: Apache-2.0
// What stock clients call, from the published message definitions.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { run } from "./lib/attack.ts";
import { EventClient } from "./lib/event-client.ts";
import { gander, readSeedPolicies, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const grpcPolicy = (name: string, prefix: string) => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: ${name}
spec:
  kprobes:
  - call: security_file_permission
    syscall: false
    message: "seen by ${name}"
    tags: ["acceptance"]
    args:
    - index: 0
      type: file
    - index: 1
      type: int
    selectors:
    - matchArgs:
      - index: 0
        operator: Prefix
        values: ["${prefix}"]
`;

const port = "127.0.0.1:54321";

describe("a stock gRPC client", () => {
  let sensor: Sensor;
  let client: EventClient;
  before(async () => {
    sensor = await Sensor.start({
      policies: readSeedPolicies(),
      flags: ["--server-address", port],
    });
    client = new EventClient(sensor.socket);
  });
  after(async () => {
    client?.[Symbol.dispose]();
    await sensor?.[Symbol.asyncDispose]();
  });

  test("the socket is for root alone", () => {
    const { mode, uid } = statSync(sensor.socket);
    assert.equal(uid, 0);
    assert.equal(mode & 0o077, 0, (mode & 0o777).toString(8));
  });

  test("GetVersion", async () => {
    assert.match((await client.call("GetVersion")).version, /\d+\.\d+/);
  });

  test("GetHealth", async () => {
    const { health_status } = await client.call("GetHealth", {
      event_set: ["HEALTH_STATUS_TYPE_STATUS"],
    });
    assert.equal(health_status[0].event, "HEALTH_STATUS_TYPE_STATUS");
    assert.equal(health_status[0].status, "HEALTH_STATUS_RUNNING");
  });

  test("GetHealth without a set asks for all", async () => {
    const { health_status } = await client.call("GetHealth");
    assert.ok(health_status.length >= 1);
  });

  test("GetInfo", async () => {
    const info = await client.call("GetInfo");
    assert.ok(info.version);
  });

  test("ListTracingPolicies names the seed policies, enabled", async () => {
    const { policies } = await client.call("ListTracingPolicies");
    const byName = new Map(policies.map((policy: { name: string }) => [policy.name, policy]));
    for (const name of [
      "detect-tmp-exec",
      "file-monitoring-filtered",
      "monitor-network-activity-outside-cluster",
    ]) {
      const policy = byName.get(name) as Record<string, unknown> | undefined;
      assert.equal(policy?.state, "TP_STATE_ENABLED", name);
      assert.equal(policy?.error, "");
      assert.ok(Number(policy?.kernel_memory_bytes) >= 0);
    }
    assert.equal((byName.get("detect-tmp-exec") as { mode: string }).mode, "TP_MODE_MONITOR_ONLY");
    assert.equal(
      (byName.get("file-monitoring-filtered") as { mode: string }).mode,
      "TP_MODE_ENFORCE",
    );
  });

  test("GetEvents brings exec and exit as they happen", async () => {
    using stream = client.events();
    await started(stream);
    run("/bin/true", ["stream", "of events"]);
    const {
      process_exec: exec,
      node_name,
      time,
    } = await stream.event(
      "the exec",
      (event) => event.process_exec?.process.arguments === 'stream "of events"',
    );
    assert.match(exec.process.binary, /\/true$/);
    assert.equal(exec.process.cwd, process.cwd());
    assert.equal(exec.process.uid.value, 0);
    assert.ok(exec.process.pid.value > 0);
    assert.equal(exec.parent.pid.value, process.pid);
    assert.ok(node_name.length > 0);
    assert.ok(Math.abs(Number(time.seconds) - Date.now() / 1000) < 5);
    const { process_exit: exit } = await stream.event(
      "the exit",
      (event) => event.process_exit?.process.exec_id === exec.process.exec_id,
    );
    assert.equal(exit.status, 0);
    assert.equal(exit.signal, "");
  });

  test("GetEvents brings the same as the export, field by field", async () => {
    using stream = client.events({ allow_list: [{ event_set: ["PROCESS_KPROBE"] }] });
    using all = client.events();
    await started(all);
    run("bash", ["-c", "echo foo >> /etc/grpc-target"]);
    const { process_kprobe: hook } = await stream.event(
      "the write",
      (event) => event.process_kprobe?.args?.[0]?.file_arg?.path === "/etc/grpc-target",
    );
    const exported = await sensor.event(
      "the same write",
      (event) =>
        event.process_kprobe?.process.exec_id === hook.process.exec_id &&
        event.process_kprobe?.function_name === "security_file_permission",
    );
    assert.equal(hook.action, "KPROBE_ACTION_SIGKILL");
    assert.equal(hook.policy_name, "file-monitoring-filtered");
    assert.equal(hook.args[1].int_arg, 2);
    assert.equal(
      hook.process.start_time.nanos,
      Number(
        `${exported.process_kprobe?.process.start_time.split(".")[1]?.replace("Z", "")}`.padEnd(
          9,
          "0",
        ),
      ),
    );
    assert.equal(
      stream.received.every((event) => event.event === "process_kprobe"),
      true,
    );
  });

  for (const [what, filter, matches] of [
    ["event_set", { event_set: ["PROCESS_EXIT"] }, (event: Received) => event.process_exit],
    [
      "binary_regex",
      { binary_regex: ["/env$"] },
      (event: Received) => of(event)?.binary.endsWith("/env"),
    ],
    [
      "arguments_regex",
      { arguments_regex: ["^wanted"] },
      (event: Received) => of(event)?.arguments.startsWith("wanted"),
    ],
    [
      "parent_binary_regex",
      { parent_binary_regex: ["bash$"] },
      (event: Received) => parentOf(event)?.binary.endsWith("bash"),
    ],
    ["namespace of the host", { namespace: [""] }, () => true],
    [
      "an expression in CEL",
      {
        cel_expression: [
          'process_exec.process.binary.endsWith("/env") && process_exec.process.uid == 0u',
          "process_exit.process.arguments.matches('^want')",
        ],
      },
      (event: Received) =>
        event.process_exec?.process.binary.endsWith("/env") ||
        event.process_exit?.process.arguments.startsWith("want"),
    ],
    [
      "two fields at once",
      { event_set: ["PROCESS_EXEC"], binary_regex: ["/env$"] },
      (event: Received) => event.process_exec && of(event)?.binary.endsWith("/env"),
    ],
  ] as const)
    test(`an allow list by ${what}`, async () => {
      using stream = client.events({ allow_list: [filter] });
      using all = client.events();
      await started(all);
      run("bash", ["-c", "/usr/bin/env wanted=1 /bin/true wanted; /bin/true unwanted; true"]);
      run("/usr/bin/env", ["/bin/true", "last"]);
      await all.event("the last", (event) => event.process_exit?.process.arguments === "last");
      await waitUntil("something came", () => stream.received.length > 0);
      const expected = all.received.filter((event) => matches(event));
      await waitUntil(
        "all came",
        () =>
          stream.received.filter((event) => expected.some((e) => same(e, event))).length >=
          expected.length,
      );
      assert.deepEqual(
        stream.received.filter((event) => !matches(event)),
        [],
      );
    });

  test("a deny list wins over an allow list", async () => {
    using stream = client.events({
      allow_list: [{ event_set: ["PROCESS_EXEC", "PROCESS_EXIT"] }],
      deny_list: [{ event_set: ["PROCESS_EXIT"] }, { arguments_regex: ["denied"] }],
    });
    using all = client.events();
    await started(all);
    run("/bin/true", ["denied"]);
    run("/bin/true", ["passed"]);
    await stream.event(
      "what passes",
      (event) => event.process_exec?.process.arguments === "passed",
    );
    assert.ok(stream.received.every((event) => event.event === "process_exec"));
    assert.ok(stream.received.every((event) => event.process_exec.process.arguments !== "denied"));
  });

  test("field filters leave out what was not asked for", async () => {
    using stream = client.events({
      field_filters: [
        {
          event_set: ["PROCESS_EXEC"],
          fields: { paths: ["process.binary", "process.arguments"] },
          action: "INCLUDE",
        },
      ],
    });
    using all = client.events();
    await started(all);
    run("/bin/true", ["filtered"]);
    const { process_exec: exec } = await stream.event(
      "the exec",
      (event) => event.process_exec?.process.arguments === "filtered",
    );
    assert.match(exec.process.binary, /true$/);
    assert.equal(exec.parent, null);
    assert.equal(exec.process.exec_id, "");
  });

  for (const [what, filter] of [
    ["an expression that is none", { binary_regex: ["("] }],
    ["CEL that is none", { cel_expression: ["process_exec.process.pid.value >"] }],
    ["a look-behind, which RE2 has not", { binary_regex: ["(?<=x)y"] }],
  ] as const)
    test(`refuses a filter with ${what} in plain words`, async () => {
      using stream = client.events({ allow_list: [filter] });
      const error = await waitUntil("it is refused", () => stream.error);
      assert.equal(error.code, 3, `INVALID_ARGUMENT, not ${error.code}: ${error.details}`);
      assert.ok(error.details.length > 10);
    });

  test("AddTracingPolicy, DeleteTracingPolicy", async () => {
    await client.call("AddTracingPolicy", { yaml: grpcPolicy("by-grpc", "/var/tmp/by-grpc") });
    const listed = async () =>
      (await client.call("ListTracingPolicies")).policies.find(
        (p: { name: string }) => p.name === "by-grpc",
      );
    assert.equal((await listed()).state, "TP_STATE_ENABLED");
    run("bash", ["-c", "echo x > /var/tmp/by-grpc-file"]);
    const { process_kprobe: hook } = await sensor.event(
      "its event",
      (event) => event.process_kprobe?.policy_name === "by-grpc",
    );
    assert.equal(hook?.message, "seen by by-grpc");
    assert.deepEqual(hook?.tags, ["acceptance"]);
    await client.call("DeleteTracingPolicy", { name: "by-grpc" });
    assert.equal(await listed(), undefined);
    await sensor.settled();
    const before = sensor
      .events()
      .filter((event) => event.process_kprobe?.policy_name === "by-grpc").length;
    run("bash", ["-c", "echo x > /var/tmp/by-grpc-file"]);
    await sensor.settled();
    const later = sensor
      .events()
      .filter((event) => event.process_kprobe?.policy_name === "by-grpc").length;
    assert.equal(later, before);
  });

  test("a broken policy is refused with line and column", async () => {
    await assert.rejects(
      client.call("AddTracingPolicy", {
        yaml: grpcPolicy("broken", "/x").replace("Prefix", "Prefx"),
      }),
      (error: { code: number; details: string }) => {
        assert.equal(error.code, 3, error.details);
        assert.match(error.details, /19:19/);
        assert.match(error.details, /Prefix/);
        return true;
      },
    );
  });

  test("deleting what is not there is NOT_FOUND", async () => {
    await assert.rejects(client.call("DeleteTracingPolicy", { name: "nowhere" }), { code: 5 });
  });

  test("disable, enable, mode", async () => {
    const file = "/etc/switched";
    const state = async (name: string) =>
      (await client.call("ListTracingPolicies")).policies.find(
        (p: { name: string }) => p.name === name,
      );
    const writes = () => run("bash", ["-c", `echo x >> ${file}`]).signal;
    const name = "file-monitoring-filtered";
    assert.equal(writes(), "SIGKILL");
    await client.call("ConfigureTracingPolicy", {
      name,
      mode: "TP_MODE_MONITOR",
      domain: "static",
    });
    assert.equal((await state(name)).mode, "TP_MODE_MONITOR");
    assert.equal(writes(), null);
    await client.call("ConfigureTracingPolicy", {
      name,
      mode: "TP_MODE_ENFORCE",
      domain: "static",
    });
    assert.equal(writes(), "SIGKILL");
    await client.call("ConfigureTracingPolicy", { name, enable: false, domain: "static" });
    assert.equal((await state(name)).state, "TP_STATE_DISABLED");
    assert.equal(writes(), null);
    await client.call("ConfigureTracingPolicy", { name, enable: true, domain: "static" });
    assert.equal((await state(name)).state, "TP_STATE_ENABLED");
    assert.equal(writes(), "SIGKILL");
  });

  test("reads at a port of the machine, and changes nothing there", async () => {
    using there = new EventClient(port);
    assert.match((await there.call("GetVersion")).version, /\d/);
    using stream = there.events({ allow_list: [{ event_set: ["PROCESS_EXEC"] }] });
    await started(stream);
    const { policies } = await there.call("ListTracingPolicies");
    assert.ok(policies.length >= 3);
    const [{ name }] = policies;
    for (const [method, request] of [
      ["AddTracingPolicy", { yaml: grpcPolicy("by-port", "/x") }],
      ["DeleteTracingPolicy", { name }],
      ["ConfigureTracingPolicy", { name, enable: false }],
      ["DisableTracingPolicy", { name }],
    ] as const)
      await assert.rejects(there.call(method, request), { code: 7 }, method);
    assert.deepEqual(
      (await client.call("ListTracingPolicies")).policies.map((p: { state: string }) => p.state),
      policies.map((p: { state: string }) => p.state),
    );
    const listed = gander("policy", "list", "--server-address", port);
    assert.equal(listed.status, 0, listed.errors);
    const removed = gander("policy", "delete", name, "--server-address", port);
    assert.equal(removed.status, 1);
    assert.match(removed.errors, /only reads/);
  });

  test("a client that goes away in the middle disturbs nobody", async () => {
    for (let i = 0; i < 20; i++) {
      const passing = new EventClient(sensor.socket);
      passing.events();
      passing[Symbol.dispose]();
    }
    using stream = client.events();
    await started(stream);
    assert.ok(sensor.running);
  });
});

// biome-ignore lint/suspicious/noExplicitAny: messages as the library decodes them
type Received = any;
const of = (event: Received) => event[event.event]?.process;
const parentOf = (event: Received) => event[event.event]?.parent;
const same = (a: Received, b: Received) =>
  a.event === b.event && of(a)?.exec_id === of(b)?.exec_id && a.time.nanos === b.time.nanos;

/** A stream has begun when it brings something: programs are started until it does. */
async function started(stream: { received: Received[]; error?: unknown }) {
  await waitUntil("the stream has begun", () => {
    if (stream.error !== undefined) throw stream.error;
    run("/bin/true", ["begin"]);
    return stream.received.length > 0;
  });
}
