// SPDX-License-Identifier: Apache-2.0
// Requests made to bring the sensor down: it answers in words or hangs up, and goes on.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { describeResult, run, startAttack } from "./lib/attack.ts";
import { EventClient } from "./lib/event-client.ts";
import { plainPolicy } from "./lib/plain-policy.ts";
import { gander, readSeedPolicies, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const service = "/tetragon.FineGuidanceSensors";

describe("hostile requests", () => {
  let sensor: Sensor;
  let raw: Client;
  let residentAtStart: number;
  before(async () => {
    sensor = await Sensor.start({ policies: readSeedPolicies() });
    raw = new Client(`unix://${sensor.socket}`, credentials.createInsecure(), {
      "grpc.max_send_message_length": -1,
    });
    residentAtStart = residentMegabytes(sensor.pid);
  });
  after(async () => {
    raw?.close();
    await sensor?.[Symbol.asyncDispose]();
  });
  afterEach(() => {
    assert.ok(sensor.running, sensor.log().slice(-3000));
    assert.equal(gander("status").status, 0);
  });

  /** Sends bytes as a request; gives the status code. */
  const send = (method: string, bytes: Buffer) =>
    new Promise<number>((done) => {
      const same = (value: Buffer) => value;
      raw.makeUnaryRequest(
        `${service}/${method}`,
        same,
        same,
        bytes,
        { deadline: Date.now() + 60_000 },
        (error: ServiceError | null) => done(error?.code ?? 0),
      );
    });
  const text = (field: number, value: string | Buffer) => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(bytes.length), bytes]);
  };

  test("a method that is not there", async () => {
    assert.equal(await send("NoSuchMethod", Buffer.alloc(0)), 12);
  });

  test("bytes that are no message", async () => {
    for (const method of [
      "GetVersion",
      "GetHealth",
      "ListTracingPolicies",
      "AddTracingPolicy",
      "DeleteTracingPolicy",
      "ConfigureTracingPolicy",
      "GetDebug",
      "GetInfo",
      "SetDebug",
      "RuntimeHook",
    ])
      for (let i = 0; i < 20; i++) await send(method, randomBytes(1 + i * 13));
  });

  for (const [what, yaml] of [
    ["nothing", ""],
    ["text that is no YAML", "\u0000\u0001[[["],
    ["20,000 brackets", `a: ${"[".repeat(20_000)}`],
    [
      "aliases that multiply",
      "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]\n",
    ],
    ["a name with escape sequences", plainPolicy({ name: '"\\e[31m\\n"', prefix: "/x" })],
    ["a name that leads elsewhere", plainPolicy({ name: "../../etc/passwd", prefix: "/x" })],
    [
      "100,000 values",
      plainPolicy({ name: "large", prefix: "/x" }).replace(
        '["/x"]',
        JSON.stringify(Array.from({ length: 100_000 }, (_, i) => `/x${i}`)),
      ),
    ],
    [
      "5,000 hooks",
      `apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata:\n  name: many-hooks\nspec:\n  kprobes:\n${"  - {call: security_file_open, syscall: false}\n".repeat(5_000)}`,
    ],
    [
      "2,000 selectors",
      `${plainPolicy({ name: "many-selectors", prefix: "/x" })}${'    - matchArgs: [{index: 0, operator: Prefix, values: ["/y"]}]\n'.repeat(2_000)}`,
    ],
    ["a megabyte of name", plainPolicy({ name: "n".repeat(1_000_000), prefix: "/x" })],
  ] as const)
    test(`a policy with ${what}`, async () => {
      const code = await send("AddTracingPolicy", text(1, yaml));
      if (code === 0)
        await send("DeleteTracingPolicy", text(1, /name: (\S+)/.exec(yaml)?.[1] ?? ""));
      else assert.ok([3, 8, 9].includes(code), `status ${code}`);
      assert.equal(run("bash", ["-c", "echo x >> /etc/still-guarded"]).signal, "SIGKILL");
    });

  test("a message of 64 megabytes", async () => {
    assert.notEqual(
      await send("AddTracingPolicy", text(1, Buffer.alloc(64 * 1024 * 1024, 120))),
      0,
    );
  });

  test("regular expressions that never end elsewhere", async () => {
    using client = new EventClient(sensor.socket);
    using stream = client.events({
      allow_list: [{ arguments_regex: ["^(a+)+$", "(x*)*y", "((a{0,100}){0,100}){0,100}"] }],
    });
    await sleep(500);
    run("/bin/true", [`${"a".repeat(40)}!`]);
    assert.equal(gander("status").status, 0);
    assert.ok(stream.error === undefined || stream.error.code === 3 || stream.error.code === 8);
  });

  test("garbage instead of HTTP/2", async () => {
    for (const bytes of [
      randomBytes(4096),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff", "latin1"),
      Buffer.alloc(0),
    ])
      await new Promise<void>((done) => {
        const socket = connect(sensor.socket, () => socket.end(bytes));
        socket.on("error", () => done()).on("close", () => done());
        setTimeout(() => {
          socket.destroy();
          done();
        }, 1000);
      });
  });

  test("300 connections that say nothing", async () => {
    const sockets = Array.from({ length: 300 }, () => connect(sensor.socket).on("error", () => {}));
    await sleep(500);
    assert.equal(gander("status").status, 0);
    for (const socket of sockets) socket.destroy();
  });

  test("readers that never read cost bounded memory, and no other reader an event", async () => {
    const slow = Array.from({ length: 20 }, () => {
      const client = new Client(`unix://${sensor.socket}`, credentials.createInsecure());
      const same = (value: Buffer) => value;
      const stream = client.makeServerStreamRequest(
        `${service}/GetEvents`,
        same,
        same,
        Buffer.alloc(0),
        {},
      );
      stream.on("error", () => {});
      stream.pause();
      return { client, stream };
    });
    using client = new EventClient(sensor.socket);
    using reader = client.events({ allow_list: [{ event_set: ["PROCESS_EXEC"] }] });
    await waitUntil("the reader is there", () => {
      run("/bin/true", ["begin"]);
      return reader.received.length > 0;
    });
    await sensor.settled();
    const exportedBefore = sensor.events().length;
    // Beside it this process goes on reading: the sensor hangs up on a client that is silent for 80 seconds.
    const storm = await startAttack("storm", "exec", "5000", "4", "/run/storm-slow").ended();
    assert.equal(storm.status, 0, describeResult(storm));
    await sensor.settled();
    run("/bin/true", ["the-last"]);
    await reader.event("the last", (event) => event.process_exec?.process.arguments === "the-last");
    // What the kernel had no room for is missing everywhere, and marked everywhere.
    const exported = sensor.events().slice(exportedBefore);
    const isLeaf = (args: string | undefined) => args?.startsWith("storm-leaf") === true;
    const leaves = reader.received.filter((event) => isLeaf(event.process_exec?.process.arguments));
    const expected = exported.filter((event) => isLeaf(event.process_exec?.process.arguments));
    assert.ok(expected.length > 2500, `${expected.length} of 5000 were exported`);
    assert.equal(leaves.length, expected.length);
    const dropped = (events: readonly Marked[]) =>
      events.reduce(
        (sum, event) => sum + Number(event.rate_limit_info?.number_of_dropped_process_events ?? 0),
        0,
      );
    assert.equal(dropped(reader.received), dropped(exported));
    const resident = residentMegabytes(sensor.pid);
    console.log(
      `resident: ${residentAtStart} MB at the start, ${resident} MB with 20 readers that do not read`,
    );
    assert.ok(resident < residentAtStart + 200, `${resident} MB`);
    for (const { client, stream } of slow) {
      stream.cancel();
      client.close();
    }
  });
});

type Marked = {
  readonly rate_limit_info?: { readonly number_of_dropped_process_events?: string } | undefined;
};

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

function residentMegabytes(pid: number): number {
  const status = run("cat", [`/proc/${pid}/status`]).output;
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
