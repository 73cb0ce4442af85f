// SPDX-License-Identifier: Apache-2.0
// TrackSock and UntrackSock: events of a socket name the process that it belongs to, whatever process the
// kernel interrupted to handle its packets.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BpfMap } from "../../packages/libbpf/src/index.ts";
import { describeResult, run } from "./lib/attack.ts";
import { Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

// busybox chooses by its own name.
const server = "/tmp/socket-server/busybox";
const client = "/tmp/socket-client/busybox";
const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: sockets }
spec:
  kprobes:
  - call: sk_alloc
    syscall: false
    return: true
    args: [{ index: 1, type: int, label: family }]
    returnArg: { index: 0, type: sock }
    returnArgAction: TrackSock
    selectors:
    - matchArgs: [{ index: 1, operator: Equal, values: ["2", "10"] }]
  - call: tcp_create_openreq_child
    syscall: false
    return: true
    args: [{ index: 0, type: sock }]
    returnArg: { index: 0, type: sock }
    returnArgAction: TrackSock
    selectors:
    - matchActions: [{ action: NoPost }]
  - call: sk_destruct
    syscall: false
    args: [{ index: 0, type: sock }]
    selectors:
    - matchActions: [{ action: UntrackSock, argSock: 0 }, { action: NoPost }]
  - call: tcp_v4_do_rcv
    syscall: false
    args: [{ index: 0, type: sock }, { index: 1, type: skb }]
    selectors:
    - matchArgs: [{ index: 1, operator: DPort, values: ["7777"] }]
`;

/** Sockets of which the kernel knows a process. */
function known(): number {
  const [pin] = globSync("/sys/fs/bpf/gander/**/owners");
  assert.ok(pin, "no map of owners");
  using owners = BpfMap.fromPin(pin);
  return [...owners.keys()].length;
}

describe("owners of sockets", () => {
  let sensor: Sensor;
  before(async () => {
    spawnSync("ip", ["link", "set", "lo", "up"]);
    for (const program of [server, client]) {
      mkdirSync(dirname(program), { recursive: true });
      copyFileSync("/bin/busybox", program);
    }
    sensor = await Sensor.start({ policies: { "sockets.yaml": policy } });
  });
  after(() => sensor?.[Symbol.asyncDispose]());

  test("what a client sends is the server's event", async () => {
    const listening = spawn(server, ["nc", "-l", "-p", "7777"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await sleep(1_000);
    const sent = run("sh", ["-c", `echo a-line | ${client} nc 127.0.0.1 7777`]);
    assert.equal(sent.status, 0, describeResult(sent));
    listening.kill();
    const toPort = await sensor.event(
      "the packet with the line",
      ({ process_kprobe: event }) =>
        event?.function_name === "tcp_v4_do_rcv" && Number(event.args?.[1]?.skb_arg?.len) === 39,
    );
    const event = toPort.process_kprobe;
    assert.equal(event?.process?.binary, server);
    assert.equal(event?.args?.[1]?.skb_arg?.dport, 7777);
    assert.equal(event?.args?.[1]?.skb_arg?.protocol, "IPPROTO_TCP");
    const all = sensor
      .events()
      .filter(({ process_kprobe }) => process_kprobe?.function_name === "tcp_v4_do_rcv");
    assert.ok(all.length >= 3);
    // The listener and the connection made from it, before anybody accepted it.
    for (const { process_kprobe: one } of all)
      assert.equal(one?.process?.binary, server, JSON.stringify(one?.args));
  });

  test("the event of TrackSock says what it did", async () => {
    const { process_kprobe: event } = await sensor.event(
      "sk_alloc",
      ({ process_kprobe: one }) =>
        one?.function_name === "sk_alloc" && one.process?.binary === client,
    );
    assert.equal(event?.return_action, "KPROBE_ACTION_TRACKSOCK");
    assert.equal(event?.return?.sock_arg?.family, "AF_INET");
    assert.deepEqual(event?.args, [{ int_arg: 2, label: "family" }]);
  });

  test("a socket that ends is forgotten; without the policy, all are", async () => {
    const before = known();
    for (let i = 0; i < 20; i++) run(client, ["nc", "-w", "1", "127.0.0.1", "7778"]);
    await sleep(3_000);
    assert.ok(known() <= before + 2, `${known()} after, ${before} before`);
    sensor.removePolicy("sockets.yaml");
    await waitUntil("no socket has an owner", () => known() === 0);
  });
});
