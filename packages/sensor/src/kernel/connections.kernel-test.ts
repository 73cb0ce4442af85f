// SPDX-License-Identifier: Apache-2.0
// What a policy on tcp_connect denies in connect and sendmsg: connections, and nothing else.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, afterEach, test } from "node:test";
import { addPolicy, policyText, startGuestSensor, stateOf } from "../../test/guest-sensor.ts";

const sensor = await startGuestSensor({ name: "gander-connections" });
const { policies } = sensor;
after(() => sensor[Symbol.asyncDispose]());
afterEach(async () => {
  for (const { name } of policies.list())
    await policies.remove({ name, namespace: "", origin: "static" });
});

/** Kills each of these processes that connects by TCP, whatever the destination. */
const noConnections = (pid: number) =>
  policyText(
    "connections",
    `
kprobes:
- call: tcp_connect
  syscall: false
  args: [{ index: 0, type: sock }]
  selectors:
  - matchPIDs: [{ operator: In, values: [${pid}] }]
    matchActions: [{ action: Sigkill }]`,
  );

/** Reports each message and each connection of these processes. */
const observer = (pid: number) =>
  policyText(
    "observer",
    `
lsmhooks:
${["socket_sendmsg", "socket_connect"]
  .map(
    (hook) => `- hook: ${hook}\n  selectors:\n  - matchPIDs: [{ operator: In, values: [${pid}] }]`,
  )
  .join("\n")}`,
  );

type Server = { readonly child: ChildProcess; readonly port: number };

/** Answers every message; "datagram" and "connect" are also carried out before the answer. */
async function startServer(): Promise<Server> {
  const child = spawn(
    process.execPath,
    [
      "-e",
      `const net = require("node:net"), dgram = require("node:dgram");
       const server = net.createServer((socket) => {
         server.close();
         socket.on("data", async (data) => {
           if (String(data) === "datagram") {
             const datagrams = dgram.createSocket("udp4");
             await new Promise((done) => datagrams.send("x", 9, "127.0.0.1", done));
             datagrams.close();
           }
           if (String(data) === "connect") net.connect(9, "127.0.0.1").on("error", () => {});
           socket.write("answer to " + data);
         });
       });
       server.listen(0, "127.0.0.1", () => console.log(server.address().port));`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  assert.ok(child.stdout);
  const [line] = await once(child.stdout, "data");
  return { child, port: Number(line) };
}

async function ask(socket: Socket, question: string): Promise<string> {
  socket.write(question);
  const [answer] = await once(socket, "data");
  return String(answer);
}

async function serveAndConnect({ child, port }: Server): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  assert.equal(await ask(socket, "hello"), "answer to hello");
  assert.equal(await ask(socket, "datagram"), "answer to datagram");
  assert.equal(child.signalCode, null);
  const ended = once(child, "exit");
  socket.on("error", () => {});
  socket.write("connect");
  const [, signal] = await ended;
  assert.equal(signal, "SIGKILL");
  socket.destroy();
}

test("a server that never connects is left alone", async () => {
  const server = await startServer();
  await addPolicy(policies, noConnections(server.child.pid ?? 0));
  await serveAndConnect(server);
  const state = stateOf(policies, "connections");
  assert.deepEqual([state.counters.matched, state.counters.killed], [1n, 1n]);
});

test("also where another policy looks at the same calls", async () => {
  const server = await startServer();
  await addPolicy(policies, noConnections(server.child.pid ?? 0));
  await addPolicy(policies, observer(server.child.pid ?? 0));
  await serveAndConnect(server);
  assert.equal(stateOf(policies, "connections").counters.killed, 1n);
  assert.ok(stateOf(policies, "observer").counters.matched >= 4n);
});
